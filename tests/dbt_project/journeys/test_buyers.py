"""Buyers against non-buyers: shares by counting, intervals by leaving every bucket of persons out once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

AS_OF = date(2026, 4, 30)


def report(journeys: pd.DataFrame, steps: pd.DataFrame, **more: Any) -> pd.DataFrame:
    frame = run("rpt_buyers_vs_non_buyers", journeys, steps, **more)
    return frame[frame["category"] == "all"].set_index(["dimension", "dimension_value"])


def run(model: str, journeys: pd.DataFrame, steps: pd.DataFrame, **more: Any) -> pd.DataFrame:
    window = {"window_name": "last_28_days", "window_start": AS_OF - timedelta(days=27), "window_end": AS_OF}
    frames: dict[str, Any] = {
        "int_journeys__journeys": journeys,
        "int_journeys__steps": steps,
        "int_journeys__windows": [window],
    }
    return run_model(model, **frames, **more)


def world(rng: np.random.Generator, size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Persons who come by email keep coming by email, so their journeys are no independent observations."""
    bucket = rng.integers(0, 100, size)
    by_email = rng.random(size) < np.where(bucket % 3 == 0, 0.8, 0.2)
    journeys = pd.DataFrame(
        {
            "journey_id": [f"j{i}" for i in range(size)],
            "conversion_id": [f"o{i}" for i in range(size)],
            "person_bucket": bucket,
            "is_converted": rng.random(size) < np.where(by_email, 0.5, 0.3),
            "end_date": AS_OF,
            "visit_count": 1 + np.arange(size) % 4,
            "touchpoint_count": 2 + np.arange(size) % 5,
            "duration_seconds": 86400.0 * (np.arange(size) % 11),
        }
    )
    steps = pd.DataFrame(
        {
            "journey_id": journeys["journey_id"],
            "step_number": 1,
            "channel": np.where(by_email, "email", "store"),
            "touchpoint_type": "visit",
            "device_type": None,
            "session_id": [f"s{i}" for i in range(size)],
        }
    )
    again = steps.assign(step_number=2)  # a channel met twice is in the journey once
    return journeys, pd.concat([steps, again], ignore_index=True)


def test_shares_and_intervals_equal_those_counted_by_hand() -> None:
    journeys, steps = world(np.random.default_rng(3), 900)
    row = report(journeys, steps).loc[("channel", "email")]
    email = journeys["journey_id"].isin(steps.loc[steps["channel"] == "email", "journey_id"])
    bought = journeys["is_converted"]
    assert (row["buyer_journeys"], row["non_buyer_journeys"]) == ((email & bought).sum(), (email & ~bought).sum())
    assert row["buyer_share"] == pytest.approx(email[bought].mean())
    assert row["difference"] == pytest.approx(email[bought].mean() - email[~bought].mean())
    assert row["visits_before_purchase_mean"] == pytest.approx(journeys.loc[email & bought, "visit_count"].mean())
    days = (journeys.loc[email & bought, "duration_seconds"] / 86400).sort_values()
    assert row["days_to_purchase_median"] == days.iloc[(len(days) - 1) // 2]

    def differs(kept: pd.Series) -> float:
        return email[bought & kept].mean() - email[~bought & kept].mean()

    replicates = np.array([differs(journeys["person_bucket"] != b) for b in range(100)])
    margin = 1.984 * np.sqrt(99 / 100 * ((replicates - replicates.mean()) ** 2).sum())
    assert row["difference_high"] - row["difference"] == pytest.approx(margin, rel=0.02)
    naive = 1.96 * np.sqrt(row["buyer_share"] * (1 - row["buyer_share"]) / bought.sum())
    assert row["buyer_share_high"] - row["buyer_share_low"] > 2.2 * naive  # dependence widens it


def test_a_share_of_one_keeps_an_interval_below_one() -> None:
    journeys, steps = world(np.random.default_rng(4), 100)
    row = report(journeys, steps).loc[("touchpoint_type", "visit")]
    assert row["buyer_share"] == row["buyer_share_high"] == 1
    assert 0.8 < row["buyer_share_low"] < 1
    assert row["verdict"] == "no clear difference"


def test_few_journeys_are_not_enough() -> None:
    journeys, steps = world(np.random.default_rng(5), 20)
    assert set(report(journeys, steps)["verdict"]) == {"not enough data"}


def test_measures_of_journeys_equal_those_counted_by_hand() -> None:
    journeys, steps = world(np.random.default_rng(6), 900)
    frame = run("rpt_buyer_behaviour", journeys, steps)
    rows = frame[frame["category"] == "all"].set_index("measure")
    bought = journeys["is_converted"]
    given = {
        "visits": journeys["visit_count"],
        "contacts": journeys["touchpoint_count"],
        "days": journeys["duration_seconds"] / 86400,
    }
    for measure, values in given.items():
        row = rows.loc[measure]
        assert row["buyer_mean"] == pytest.approx(values[bought].mean())
        assert row["non_buyer_mean"] == pytest.approx(values[~bought].mean())
        kept = [journeys["person_bucket"] != b for b in range(100)]
        replicates = np.array([values[bought & k].mean() - values[~bought & k].mean() for k in kept])
        margin = 1.984 * np.sqrt(99 / 100 * ((replicates - replicates.mean()) ** 2).sum())
        assert row["difference_high"] - row["difference"] == pytest.approx(margin, rel=0.02)


def test_a_category_sets_its_buyers_against_those_who_looked_at_it_in_vain() -> None:
    journeys, steps = world(np.random.default_rng(7), 400)
    looked = journeys.index % 2 == 0
    bought = journeys["is_converted"].to_numpy() & (journeys.index % 5 == 0)
    contents = pd.DataFrame({"session_id": steps["session_id"].iloc[:400][looked], "page_type": "product"})
    lines = pd.DataFrame({"order_id": journeys.loc[bought, "conversion_id"], "category": "Tea"})
    more = {
        "int_web__visit_contents": contents.assign(category="Tea"),
        "int_sales__order_lines": pd.concat([lines, lines]),  # two lines of one order
    }
    frame = run("rpt_buyers_vs_non_buyers", journeys, steps, **more)
    tea = frame[frame["category"] == "Tea"].set_index(["dimension", "dimension_value"])
    in_vain = looked & ~journeys["is_converted"].to_numpy()
    email = (steps["channel"].iloc[:400] == "email").to_numpy()
    row = tea.loc[("channel", "email")]
    assert (row["buyer_journeys"], row["non_buyer_journeys"]) == ((bought & email).sum(), (in_vain & email).sum())
    assert row["buyer_share"] == pytest.approx(email[bought].mean())
    assert row["non_buyer_share"] == pytest.approx(email[in_vain].mean())
    # Everybody who looked in vain saw a product page; of the buyers, those whose order was one of the even.
    page = tea.loc[("page_type", "product")]
    assert page["non_buyer_share"] == 1
    assert page["buyer_share"] == pytest.approx((bought & looked).sum() / bought.sum())
