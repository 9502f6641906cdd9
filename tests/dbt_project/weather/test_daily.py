"""Daily weather: local days of 23 to 25 hours, gaps that stay gaps, and sales beside it that add up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.dbt_project.runner import run_model


def observation(at: datetime, celsius: float | None, place: str = "berlin", **columns: Any) -> dict[str, Any]:
    local = at + timedelta(
        hours=2 if datetime(2026, 3, 29, 1, tzinfo=UTC) <= at < datetime(2026, 10, 25, 1, tzinfo=UTC) else 1
    )
    row = {"location_id": place, "observed_at": at, "source": "dwd", "temperature_celsius": celsius}
    return row | {"observed_date": local.date(), "precipitation_mm": 0.5} | columns


def hours(first: datetime, count: int, **columns: Any) -> list[dict[str, Any]]:
    return [observation(first + timedelta(hours=number), float(number % 24), **columns) for number in range(count)]


def by_day(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    frame = frame.assign(day=pd.to_datetime(frame["observed_date"]).dt.strftime("%m-%d"))
    return frame.set_index("day").to_dict("index")


@pytest.mark.parametrize(
    ("eve", "day", "expected_hours"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), "03-29", 23),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), "10-25", 25),
        (datetime(2026, 6, 9, 22, tzinfo=UTC), "06-10", 24),
    ],
)
def test_a_day_has_the_hours_it_has(eve: datetime, day: str, expected_hours: int) -> None:
    row = by_day(run_model("int_weather__daily", stg_weather__observations=hours(eve, 72)))[day]
    assert row["coverage_share"] == 1
    assert row["precipitation_mm"] == pytest.approx(0.5 * expected_hours)


def test_gaps_stay_gaps_and_days_between_exist() -> None:
    start = datetime(2026, 6, 9, 22, tzinfo=UTC)
    kept = [row for row in hours(start, 96) if not 20 <= (row["observed_at"] - start).total_seconds() / 3600 < 66]
    days = by_day(run_model("int_weather__daily", stg_weather__observations=kept))
    assert days["06-10"]["coverage_share"] == pytest.approx(20 / 24)
    assert days["06-10"]["temperature_max_celsius"] == 19
    assert days["06-11"]["coverage_share"] == 0
    assert pd.isna(days["06-11"]["precipitation_mm"])
    assert days["06-12"]["coverage_share"] == pytest.approx(6 / 24)
    assert pd.isna(days["06-12"]["temperature_max_celsius"])


def test_a_missing_measure_leaves_the_others_alone_and_two_stations_are_averaged() -> None:
    start = datetime(2026, 6, 9, 22, tzinfo=UTC)
    one = hours(start, 24, humidity_share=None)
    two = [row | {"source": "other", "temperature_celsius": row["temperature_celsius"] + 2} for row in one]
    row = by_day(run_model("int_weather__daily", stg_weather__observations=[*one, *two]))["06-10"]
    assert pd.isna(row["humidity_share"])
    assert row["temperature_mean_celsius"] == pytest.approx(12.5)
    assert row["precipitation_mm"] == pytest.approx(12)


def test_one_reading_a_day_is_complete() -> None:
    rows = [observation(datetime(2026, 6, day, 10, tzinfo=UTC), day) for day in (1, 2, 3, 5)]
    days = by_day(run_model("int_weather__daily", stg_weather__observations=rows))
    assert [days[f"06-0{day}"]["coverage_share"] for day in (1, 2, 3, 4, 5)] == [1, 1, 1, 0, 1]


def test_the_normal_is_the_mean_of_the_days_around_also_over_new_year() -> None:
    first = datetime(2025, 12, 1, 10, tzinfo=UTC)
    rows = [observation(first + timedelta(days=number), float(number)) for number in range(62)]
    frame = run_model("int_weather__normals", stg_weather__observations=rows).set_index("year_day")
    new_year = [number for number in range(62) if abs(number - 31) <= 15]
    assert frame["temperature_mean_normal_celsius"][1] == pytest.approx(sum(new_year) / len(new_year))
    assert frame["observed_days"][1] == 31
    assert pd.isna(frame["temperature_mean_normal_celsius"][40])  # only the last week of January is near


def line(day: date, region: str | None, category: str | None, order: str, revenue: int) -> dict[str, Any]:
    return {
        "order_id": order, "line_no": 1, "order_date": day, "region": region, "category": category,
        "units": 1, "revenue_eur": revenue,
    }  # fmt: skip


def test_days_without_sales_are_zero_and_cells_add_up() -> None:
    lines = [
        line(date(2026, 5, 1), "berlin", "water", "a", 10),
        line(date(2026, 5, 1), "berlin", "tents", "a", 20),
        line(date(2026, 5, 3), None, None, "b", 7),
    ]
    frame = run_model(
        "fct_sales_weather_daily",
        int_sales__order_lines=lines,
        int_calendar__as_of=[{"first_date": date(2026, 5, 1), "as_of_date": date(2026, 5, 4)}],
        int_weather__daily=[
            {
                "location_id": "berlin",
                "observed_date": date(2026, 5, 1),
                "temperature_mean_celsius": 21.0,
                "coverage_share": 1.0,
            }
        ],
    )
    frame = frame.assign(day=pd.to_datetime(frame["sale_date"]).dt.day).set_index(["day", "region", "category"])
    assert len(frame) == 4 * 3 * 4
    assert frame["orders"][(1, "all", "all")] == 1  # one order of two categories
    assert float(frame["revenue_eur"][(1, "berlin", "all")]) == 30
    assert float(frame["revenue_eur"][(3, "unknown", "unknown")]) == 7
    assert float(frame["revenue_eur"][(2, "all", "all")]) == 0
    assert frame["temperature_mean_celsius"][(1, "all", "water")] == 21
    assert frame["weather_coverage_share"][(2, "all", "all")] == 0
    assert pd.isna(frame["temperature_mean_celsius"][(2, "berlin", "water")])
    assert frame["is_holiday"][(1, "berlin", "all")]
    assert frame["holiday_name"][(1, "all", "all")] == "Erster Mai"
    assert frame["is_weekend"][(3, "all", "all")]
