"""Experiments: who bought after which assignment, differences against SciPy's Welch, and tests without any effect."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.dbt_project.runner import run_model

AS_OF = date(2026, 4, 30)
AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
WINDOW = [{"window_name": "last_90_days", "window_start": AS_OF - timedelta(days=89), "window_end": AS_OF}]


def units(rng: np.random.Generator, sizes: dict[str, int], rates: dict[str, float], **columns: Any) -> pd.DataFrame:
    """Units of one experiment whose arms buy at the given rates."""
    arms = np.repeat(list(sizes), list(sizes.values()))
    orders = rng.poisson(np.array([rates[arm] for arm in arms]))
    frame = pd.DataFrame({"arm": arms, "orders": orders, "revenue_eur": orders * rng.lognormal(3, 0.5, len(arms))})
    given = {
        "source": "experiment",
        "experiment_id": "e",
        "unit_type": "visitor",
        "campaign_id": "c",
        "channel": "display",
        "assigned_date": date(2026, 4, 1),
        "window_days": 28,
    }
    return frame.assign(
        unit_id=[f"u{i}" for i in range(len(frame))], margin_eur=frame["revenue_eur"] / 2, **(given | columns)
    )


def increments(frame: pd.DataFrame, model: str = "fct_experiment_increments", **variables: Any) -> pd.DataFrame:
    return run_model(model, variables or None, int_experiments__units=frame, int_journeys__windows=WINDOW)


def test_the_difference_is_welchs() -> None:
    frame = units(np.random.default_rng(1), {"control": 400, "treatment": 420}, {"control": 0.2, "treatment": 0.35})
    row = increments(frame).set_index("arm").loc["any"]
    treated, control = (frame.loc[frame["arm"] == arm, "orders"] for arm in ("treatment", "control"))
    expected = stats.ttest_ind(treated, control, equal_var=False).confidence_interval(0.95)
    assert row["difference"] == pytest.approx(treated.mean() - control.mean())
    # Student's t at hundreds of degrees of freedom is all but the normal distribution.
    assert row["difference_low"] == pytest.approx(expected.low, rel=0.02)
    assert row["difference_high"] == pytest.approx(expected.high, rel=0.02)
    assert row["conversions"] == pytest.approx(row["difference"] * 420)
    assert row["relative_uplift"] == pytest.approx(treated.mean() / control.mean() - 1)
    assert row["verdict"] == "supported"
    assert row["is_sample_ratio_ok"]


def test_tests_without_an_effect_find_one_in_one_of_twenty() -> None:
    rng = np.random.default_rng(2)
    worlds = [
        units(rng, {"control": 300, "treatment": 300}, {"control": 0.3, "treatment": 0.3}, experiment_id=f"e{i}")
        for i in range(400)
    ]
    result = increments(pd.concat(worlds))
    found = (result.loc[result["arm"] == "any", "verdict"] == "supported").mean()
    assert 0.02 <= found <= 0.08
    planted = [
        units(rng, {"control": 300, "treatment": 300}, {"control": 0.3, "treatment": 0.45}, experiment_id=f"e{i}")
        for i in range(400)
    ]
    result = increments(pd.concat(planted)).query("arm == 'any'")
    held = ((result["difference_low"] <= 0.15) & (result["difference_high"] >= 0.15)).mean()
    assert 0.92 <= held <= 0.98


def test_small_and_lopsided_experiments_are_no_answer() -> None:
    rng = np.random.default_rng(3)
    few = units(rng, {"control": 29, "treatment": 400}, {"control": 1, "treatment": 2})
    assert set(increments(few)["verdict"]) == {"not enough data"}
    rare = units(rng, {"control": 400, "treatment": 400}, {"control": 0.01, "treatment": 0.02})
    assert set(increments(rare)["verdict"]) == {"not enough data"}
    lopsided = units(rng, {"control": 300, "treatment": 500}, {"control": 0.2, "treatment": 0.4})
    assert increments(lopsided).set_index("arm").loc["any", "verdict"] == "sample ratio mismatch"
    mailing = lopsided.assign(source="mailing")  # a holdout is small by design
    assert increments(mailing).set_index("arm").loc["any", "verdict"] == "supported"


def test_a_channel_adds_up_what_its_experiments_measured() -> None:
    rng = np.random.default_rng(4)
    arms = {"control": 300, "catalog": 200, "catalog_followup": 150}
    rates = {"control": 0.3, "catalog": 0.4, "catalog_followup": 0.5}
    first = units(rng, arms, rates, source="mailing", experiment_id="k1", campaign_id="k1", channel="catalog")
    second = units(rng, arms, rates, source="mailing", experiment_id="k2", campaign_id="k2", channel="catalog")
    tiny = units(rng, {"control": 3, "catalog": 3}, rates, experiment_id="k3", campaign_id="k3", channel="catalog")
    onsite = units(rng, {"control": 300, "treatment": 300}, rates | {"treatment": 1}, experiment_id="s", channel=None)
    everything = pd.concat([first, second, tiny, onsite])
    single = increments(everything).query("arm == 'any'").set_index("experiment_id")
    result = increments(everything, "fct_channel_increments").set_index(["level", "campaign_id"])
    row = result.loc[("channel", "")]
    assert (row["channel"], row["experiments"], row["measured_experiments"]) == ("catalog", 3, 2)
    assert row["conversions"] == pytest.approx(single.loc[["k1", "k2"], "conversions"].sum())
    margins = (single["conversions_high"] - single["conversions"])[["k1", "k2"]]
    assert row["conversions_high"] - row["conversions"] == pytest.approx(np.hypot(*margins))
    assert result.loc[("campaign", "k1"), "conversions"] == pytest.approx(single.loc["k1", "conversions"])
    assert result.loc[("campaign", "k3"), "verdict"] == "not enough data"


def test_orders_count_for_their_unit_from_the_assignment_for_four_weeks() -> None:
    def order(name: str, after: timedelta, **columns: Any) -> dict[str, Any]:
        return {
            "conversion_id": name,
            "order_id": name,
            "converted_at": AT + after,
            "revenue_eur": 10,
            "margin_eur": 4,
            "customer_key": None,
            "region": None,
        } | columns

    orders = [
        order("before", timedelta(seconds=-1)),
        order("at once", timedelta()),
        order("in time", timedelta(days=28)),
        order("late", timedelta(days=28, seconds=1)),
        order("by session", timedelta(days=1)),
        order("of customer", timedelta(days=2), customer_key="k"),
        order("in region", timedelta(days=3), region="DE-BY"),
    ]
    result = run_model(
        "int_experiments__units",
        stg_marketing__experiments=[
            {"experiment_id": "e", "unit_id": unit, "unit_type": kind, "arm": "control", "assigned_at": AT}
            for unit, kind in [
                ("v", "visitor"),
                ("w", "visitor"),
                ("k", "customer"),
                ("DE-BY", "geo"),
                ("DE-BE", "geo"),
            ]
        ],
        stg_sales__orders=[{"order_id": name, "visitor_id": "v"} for name in ("before", "at once", "in time", "late")],
        int_web__session_orders=[{"session_id": "s", "order_id": "by session"}],
        int_web__sessions=[{"session_id": "s", "visitor_id": "w"}],
        int_sales__conversions=orders,
    ).set_index(["unit_type", "unit_id"])
    assert result["orders"].to_dict() == {
        ("visitor", "v"): 2,
        ("visitor", "w"): 1,
        ("customer", "k"): 1,
        ("geo", "DE-BY"): 1,
        ("geo", "DE-BE"): 0,
    }
    assert result.loc[("visitor", "v"), "revenue_eur"] == 20
