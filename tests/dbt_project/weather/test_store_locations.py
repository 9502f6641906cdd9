"""Stores and the places of their weather: distances as published, the nearest place, and what cannot be said."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

#: Airports, coordinates and great-circle distances as published: Nashville to Los Angeles is the classic example.
PLACES = [
    {"location_id": "bna", "latitude": 36.12, "longitude": -86.67},
    {"location_id": "lax", "latitude": 33.94, "longitude": -118.40},
    {"location_id": "fiji", "latitude": -17.8, "longitude": 179.9},
]


def store(name: str, latitude: float | None, longitude: float | None, region: str | None = None) -> dict[str, Any]:
    return {"store_id": name, "latitude": latitude, "longitude": longitude, "location_id": region}


def located(*stores: dict[str, Any]) -> pd.DataFrame:
    frame = run_model("int_weather__store_locations", stg_sales__stores=list(stores), weather_locations=PLACES)
    return frame.set_index("store_id")


def test_the_region_may_be_far_and_the_nearest_is_near() -> None:
    row = located(store("s", 36.12, -86.67, "lax")).loc["s"]
    assert (row["nearest_location_id"], row["nearest_distance_km"]) == ("bna", 0.0)
    assert row["region_distance_km"] == pytest.approx(2886.4, abs=1.5)


def test_the_date_line_is_no_border() -> None:
    row = located(store("s", -17.8, -179.9, "fiji")).loc["s"]
    assert row["nearest_location_id"] == "fiji"
    assert row["nearest_distance_km"] == pytest.approx(21.2, abs=0.1)


def test_without_coordinates_or_region_nothing_is_made_up() -> None:
    frame = located(store("a", None, None, "lax"), store("b", 34.0, -118.0))
    assert frame.loc["a", ["region_distance_km", "nearest_location_id", "nearest_distance_km"]].isna().all()
    assert frame.loc["a", "region_location_id"] == "lax"
    assert frame.loc["b", "nearest_location_id"] == "lax"
    assert pd.isna(frame.loc["b", "region_distance_km"])


def test_a_store_far_from_any_weather_is_found() -> None:
    rows = [
        {"store_id": "near", "nearest_distance_km": 49.9},
        {"store_id": "far", "nearest_distance_km": 50.1},
        {"store_id": "unknown", "nearest_distance_km": None},
    ]
    frame = run_model("int_weather__store_locations_have_weather_nearby", int_weather__store_locations=rows)
    assert len(frame) == 1
