"""Buyers against non-buyers: shares by counting, intervals by leaving every bucket of persons out once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

AS_OF = date(2026, 4, 30)


def report(journeys: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    window = {"window_name": "last_28_days", "window_start": AS_OF - timedelta(days=27), "window_end": AS_OF}
    frames: dict[str, Any] = {
        "int_journeys__journeys": journeys,
        "int_journeys__steps": steps,
        "int_journeys__windows": [window],
    }
    frame = run_model("rpt_buyers_vs_non_buyers", **frames)
    return frame.set_index(["dimension", "dimension_value"])


def world(rng: np.random.Generator, size: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Persons who come by email keep coming by email, so their journeys are no independent observations."""
    bucket = rng.integers(0, 100, size)
    by_email = rng.random(size) < np.where(bucket % 3 == 0, 0.8, 0.2)
    journeys = pd.DataFrame(
        {
            "journey_id": [f"j{i}" for i in range(size)],
            "person_bucket": bucket,
            "is_converted": rng.random(size) < np.where(by_email, 0.5, 0.3),
            "end_date": AS_OF,
            "visit_count": 1 + np.arange(size) % 4,
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
    assert row["days_to_purchase_median"] == (journeys.loc[email & bought, "duration_seconds"] / 86400).median()

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
