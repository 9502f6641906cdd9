"""One table from the matchback to the advice: arms at their own cost, segments with multiplicity kept in check."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.catalog_segments import compare, response_deciles
from ml.sensitivity import hidden_confounder

COSTS = {"catalog": 1.0, "catalog_followup": 1.6}
ARMS = ("holdout", "catalog", "catalog_followup")
PLAN = {"outcome": "demand", "arm": "arm", "holdout": "holdout", "arm_costs": COSTS, "margin_share": 0.4}


def mailing(seed: int, count: int = 9000) -> pd.DataFrame:
    """Segment `good`: +10, and +4 by the follow-up; `bad`: nothing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.choice(ARMS, count), "segment": rng.choice(["good", "bad"], count)})
    is_good, mailed = frame["segment"] == "good", frame["arm"] != "holdout"
    frame["past"] = rng.gamma(1, 10, count)
    lift = 10.0 * (is_good & mailed) + 4.0 * (is_good & (frame["arm"] == "catalog_followup"))
    frame["demand"] = rng.gamma(1, 8, count) + 0.5 * frame["past"] + lift
    return frame


@pytest.fixture(scope="module")
def rows():
    found = compare(mailing(1), dimensions=["segment"], covariates=["past"], **PLAN).to_frame()
    return found.set_index(["dimension", "segment", "treated_arm", "control_arm"])


def test_each_arm_is_judged_at_its_own_cost(rows):
    assert rows.loc[("all", "all", "catalog", "holdout"), "unit_cost"] == 1.0
    followup = rows.loc[("all", "all", "catalog_followup", "catalog")]
    assert followup["unit_cost"] == pytest.approx(0.6)
    assert followup["is_increment"]
    assert followup["break_even"] == pytest.approx(1.5)
    assert followup["effect_low"] < 2.0 < followup["effect_high"]
    assert followup["profit"] == pytest.approx(0.4 * followup["effect"] - 0.6)


def test_segments_get_the_advice_their_truth_deserves(rows):
    advice = {key[1:]: row for key, row in rows["recommendation"].items() if key[0] == "segment"}
    assert advice["good", "catalog", "holdout"] == "mail"
    assert advice["bad", "catalog", "holdout"] == "do not mail"
    assert advice["good", "catalog_followup", "catalog"] == "add"
    assert advice["bad", "catalog_followup", "catalog"] == "leave out"


def test_matchback_overstates_by_what_would_have_come_anyway(rows):
    good = rows.loc[("segment", "good", "catalog", "holdout")]
    assert good["matchback"] == pytest.approx(23, abs=1)
    assert good["matchback_overstates"] == pytest.approx(13, abs=1)
    assert good["matchback_profit"] > good["profit_high"]


def test_many_segments_without_an_effect_seldom_get_any_advice():
    """Cost 0, so that no effect is no profit: 40 worlds of 20 segments, at most a few with a finding."""
    wrong = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"arm": rng.choice(["holdout", "catalog"], 6000), "lot": rng.integers(0, 20, 6000)})
        frame["demand"] = rng.gamma(1, 8, 6000)
        found = compare(frame, dimensions=["lot"], **{**PLAN, "arm_costs": {"catalog": 0.0}}).to_frame()
        wrong += (found.loc[found["dimension"] == "lot", "recommendation"] != "keep testing").any()
    assert wrong <= 6


def test_a_list_that_lost_customers_gives_no_advice_in_any_segment():
    frame = mailing(2)
    lost = frame[(frame["arm"] != "holdout") | (np.arange(len(frame)) % 3 > 0)]
    found = compare(lost, dimensions=["segment"], planned_shares=dict.fromkeys(ARMS, 1 / 3), **PLAN).to_frame()
    against = found[found["control_arm"] == "holdout"]
    assert set(against["verdict"]) == {"sample ratio mismatch"}
    assert set(against["recommendation"]) == {"keep a holdout"}
    assert "sample ratio mismatch" not in set(found.loc[found["is_increment"], "verdict"])


def test_a_segment_without_an_arm_has_no_figures():
    frame = mailing(3, 600)
    frame.loc[frame["segment"] == "good", "arm"] = "catalog"
    found = compare(frame, dimensions=["segment"], **PLAN).to_frame()
    row = found[(found["segment"] == "good") & (found["control_arm"] == "holdout")].iloc[0]
    assert np.isnan(row["profit"])
    assert row["recommendation"] == "keep testing"


def test_a_handful_of_customers_has_no_figures():
    frame = mailing(3, 3000)
    frame.loc[frame.index[:60], "segment"] = "rare"  # some twenty an arm
    found = compare(frame, dimensions=["segment"], covariates=["past"], **PLAN).to_frame()
    rare = found[found["segment"] == "rare"]
    assert len(rare) == 3
    assert rare[["effect", "profit", "matchback"]].isna().all(axis=None)
    assert set(rare["verdict"]) == {"not enough data"}
    assert set(rare["recommendation"]) == {"keep testing"}


def test_deciles_are_tenths_by_others_purchases():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"taste": rng.random(4000), "noise": rng.random(4000)})
    frame["demand"] = (rng.random(4000) < 0.5 * frame["taste"]) * 10.0
    deciles = response_deciles(frame, outcome="demand", covariates=["taste", "noise"])
    assert set(deciles.value_counts()) == {400}
    assert frame.groupby(deciles)["taste"].mean().is_monotonic_decreasing
    # pure chance: sorting by one's own purchases would put every buyer into the first tenths
    blind = response_deciles(frame, outcome="demand", covariates=["noise"])
    bought = frame["demand"] > 0
    assert bought[blind <= 3].mean() == pytest.approx(bought.mean(), abs=0.05)


def test_unknown_arms_are_named():
    with pytest.raises(ValueError, match="has no 'holdout' in"):
        compare(mailing(5, 300).query("arm != 'holdout'"), **PLAN)
    with pytest.raises(ValueError, match=r"no cost of \['catalog_followup'\]"):
        compare(mailing(5, 300), **{**PLAN, "arm_costs": {"catalog": 1.0}})


def test_a_hidden_trait_moves_the_estimate_no_further_than_its_known_like_allows():
    """Two twins choose who is mailed and what is bought; one stays hidden; the bound covers the bias."""
    rng = np.random.default_rng(6)
    count = 40_000
    known, hidden = rng.normal(size=(2, count))
    mailed = rng.random(count) < 1 / (1 + np.exp(-0.6 * known - 0.6 * hidden))
    y = 2.0 * mailed + 3 * known + 3 * hidden + rng.normal(0, 4, count)
    odds = np.exp(0.55 * known)
    weights = np.where(mailed, 1.0, odds * mailed.sum() / odds[~mailed].sum())
    design = np.column_stack([np.ones(count), mailed, known])
    solution = np.linalg.lstsq(design, y, rcond=None)[0]
    found = hidden_confounder(
        known[:, None], ["known"], y, mailed, effect=solution[1], error=0.05, noise=y - design @ solution,
        weights=weights, threshold=0.0,
    )  # fmt: skip
    bias = solution[1] - 2.0
    assert bias > 1
    assert found.strongest == "known"
    assert 0.8 * bias < found.bias < 2 * bias
    assert 0 < found.robustness_of_interval < found.robustness < 1
