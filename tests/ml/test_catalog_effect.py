"""The mailing's arithmetic, coverage in simulated tests, and LaLonde's experiment."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.catalog_effect import estimate

LALONDE = Path(__file__).parents[3] / "shared" / "data" / "uplift_lalonde"
KNOWN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
COSTS = {"unit_cost": 1.0, "margin_share": 0.4}


def mailing(rng, count=2000, lift=2.0, taste=1.0):
    """A mailing with holdout; demand depends on past demand, and arms are drawn by lot."""
    past = rng.gamma(1, 10, count)
    mailed = rng.random(count) < 0.5
    demand = rng.gamma(1, 5, count) + taste * past + lift * mailed
    return pd.DataFrame({"arm": np.where(mailed, "catalog", "holdout"), "demand": demand, "past": past})


def judge(frame, **kw):
    return estimate(frame, **{"outcome": "demand", "arm": "arm", "control": "holdout", **COSTS, **kw})


def test_matchback_says_profit_where_the_test_says_loss():
    means = {"catalog": 5.0, "holdout": 3.0}
    frame = pd.DataFrame(
        [(arm, mean + swing) for arm, mean in means.items() for swing in (-0.5, 0.5) * 400], columns=["arm", "demand"]
    )
    answer = judge(frame)
    assert answer.effect == pytest.approx(2.0)
    assert answer.profit == pytest.approx(-0.20)
    assert answer.break_even == pytest.approx(2.50)
    assert answer.verdict == "supported"
    assert answer.profit_high < 0
    matched = judge(frame.assign(demand=frame["demand"] - 0.5))
    assert matched.matchback == pytest.approx(4.50)
    assert matched.matchback_profit == pytest.approx(0.80)


def test_covariates_narrow_the_interval_and_do_not_move_the_truth():
    frame = mailing(np.random.default_rng(1))
    plain, adjusted = judge(frame), judge(frame, covariates=["past"])
    assert plain.is_randomised
    assert adjusted.method == "regression adjustment"
    assert adjusted.standard_error < 0.6 * plain.standard_error
    assert adjusted.variance_reduction == pytest.approx(1 - (adjusted.standard_error / plain.standard_error) ** 2)
    assert adjusted.effect == pytest.approx(2.0, abs=3 * adjusted.standard_error)


def covered(worlds, lift, **kw):
    answers = [judge(mailing(np.random.default_rng(seed), 600, lift), **kw) for seed in range(worlds)]
    return np.mean([answer.effect_low <= lift <= answer.effect_high for answer in answers])


@pytest.mark.parametrize("lift", [0.0, 2.0])
def test_intervals_cover(lift):
    assert 0.9 <= covered(150, lift) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("covariates", [(), ("past",)])
@pytest.mark.parametrize("lift", [0.0, 2.0])
def test_intervals_cover_in_93_to_97_percent_of_500(lift, covariates):
    assert 0.93 <= covered(500, lift, covariates=covariates) <= 0.97


def test_a_follow_up_is_judged_against_the_catalog_at_its_own_cost():
    rng = np.random.default_rng(2)
    arms = rng.choice(["holdout", "catalog", "catalog_followup"], 6000)
    lifts = pd.Series(arms).map({"holdout": 0, "catalog": 4, "catalog_followup": 5}).to_numpy()
    frame = pd.DataFrame({"arm": arms, "demand": rng.gamma(1, 3, 6000) + lifts})
    with pytest.raises(ValueError, match=r"2 other arms.*name one as `treated`"):
        judge(frame)
    answer = judge(frame, control="catalog", treated="catalog_followup", unit_cost=0.2)
    assert answer.effect == pytest.approx(1.0, abs=0.3)
    assert answer.treated + answer.controls == (arms != "holdout").sum()


def test_chosen_recipients_are_noticed_and_adjusted_for():
    rng = np.random.default_rng(3)
    past = rng.gamma(1, 10, 8000)
    mailed = rng.random(8000) < np.clip(past / 30, 0.1, 0.8)
    frame = pd.DataFrame({"arm": mailed, "demand": rng.gamma(1, 5, 8000) + past + 2.0 * mailed, "past": past})
    answer = judge(frame, control=False, covariates=["past"])
    assert not answer.is_randomised
    assert "not randomised" in answer.method
    assert answer.naive > 6
    assert answer.effect == pytest.approx(2.0, abs=3 * answer.standard_error)
    assert answer.standard_error < 0.5
    assert abs(answer.balance["difference_weighted"]).max() < 0.1 < abs(answer.balance["difference"]).max()


def test_without_anything_alike_nothing_is_identified():
    frame = mailing(np.random.default_rng(4))
    apart = frame.assign(past=frame["past"] + 1000 * (frame["arm"] == "catalog"))
    assert judge(apart, covariates=["past"]).verdict == "not identified"
    assert judge(frame, randomised=False).verdict == "not identified"


def test_small_or_undecided_tests_are_not_enough_data():
    assert judge(mailing(np.random.default_rng(5), 60, lift=50)).verdict == "not enough data"
    assert judge(mailing(np.random.default_rng(5), 400, lift=2.5)).verdict == "not enough data"


def test_sample_ratio_is_checked():
    frame = mailing(np.random.default_rng(6))
    assert judge(frame, expected_share=0.5).sample_ratio_p_value > 0.01
    assert judge(frame, expected_share=0.6).sample_ratio_p_value < 1e-6


@pytest.mark.realdata
@pytest.mark.skipif(not LALONDE.exists(), reason="sample data are not beside the project")
def test_lalonde_experiment_and_its_recovery_without_a_holdout():
    experiment = pd.read_csv(LALONDE / "nsw_mixtape.csv.gz")
    others = pd.read_csv(LALONDE / "cps_mixtape.csv.gz")
    known = {"outcome": "re78", "arm": "treat", "control": 0, "unit_cost": 0.0, "margin_share": 1.0}
    truth = estimate(experiment, **known)
    assert truth.effect == pytest.approx(1794.34, abs=0.01)
    assert truth.standard_error == pytest.approx(671, abs=0.5)
    assert estimate(experiment, **known, covariates=KNOWN).is_randomised

    chosen = pd.concat([experiment[experiment["treat"] == 1], others])
    answer = estimate(chosen, **known, covariates=KNOWN, rng=np.random.default_rng(1))
    assert not answer.is_randomised
    assert answer.naive == pytest.approx(-8497.5, abs=0.1)
    assert abs(answer.effect - truth.effect) < truth.standard_error
    assert answer.effect_low < truth.effect < answer.effect_high


@pytest.mark.parametrize(
    ("change", "kw", "message"),
    [
        (lambda f: f.drop(columns="demand"), {}, r"lacks the column\(s\) \['demand'\]"),
        (lambda f: f.assign(demand=np.nan), {}, "demand: 2000 of 2000 rows are missing"),
        (lambda f: f, {"control": "none"}, "arm has no 'none' in 2000 rows"),
        (lambda f: f, {"treated": "letter"}, "arm has no 'letter'"),
        (lambda f: f, {"margin_share": 40}, "margin_share is 40"),
        (lambda f: f, {"unit_cost": -1}, "unit_cost is -1"),
    ],
)
def test_bad_input_is_named(change, kw, message):
    with pytest.raises(ValueError, match=message):
        judge(change(mailing(np.random.default_rng(7))), **kw)
