"""Whom to mail next: known uplifts are found, nothing is found where nothing is, and nobody is judged by himself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml.catalog_effect import targets
from ml.uplift import grouped_folds

KNOWN = {"outcome": "demand", "arm": "arm", "control": "holdout", "unit_cost": 2.0, "margin_share": 0.5}


def mailing(seed: int, count: int = 6000, lift: float = 12.0) -> pd.DataFrame:
    """Only every third customer reacts: those with the highest trait `a`, by `lift`."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.integers(0, 3, count).astype(float), "b": rng.normal(0, 1, count)})
    mailed = rng.random(count) < 0.6
    frame["true_uplift"] = lift * (frame["a"] == 2)
    frame["demand"] = rng.gamma(1, 8, count) + 4 * frame["b"].clip(0) + frame["true_uplift"] * mailed
    return frame.assign(arm=np.where(mailed, "catalog", "holdout"), person=rng.permutation(count))


@pytest.fixture(scope="module")
def found():
    frame = mailing(1)
    return frame, targets(frame, covariates=["a", "b"], cluster="person", **KNOWN)


def test_those_who_react_are_chosen_and_choosing_pays(found):
    frame, answer = found
    customers = answer.to_frame()
    assert list(customers.index) == list(frame.index)
    reacts = frame["true_uplift"] > 0
    assert customers.loc[reacts, "mail"].mean() > 0.95
    assert customers.loc[~reacts, "mail"].mean() < 0.1
    assert customers.loc[reacts, "uplift"].mean() == pytest.approx(12, abs=1.5)
    assert answer.verdict == "supported"
    # mailing everyone earns 0.5 x 12 / 3 - 2 = 0, mailing a third (6 - 2) / 3
    assert answer.gain_low < 4 / 3 < answer.gain_high
    assert answer.slope_low < 1 < answer.slope_high
    assert answer.cut_off_share == pytest.approx(customers["mail"].mean())


def test_expected_profit_is_margin_less_cost_and_decides(found):
    _, answer = found
    customers = answer.to_frame()
    assert np.allclose(customers["expected_margin"], 0.5 * customers["uplift"])
    assert np.allclose(customers["expected_profit"], customers["expected_margin"] - 2.0)
    assert (customers["mail"] == (customers["expected_margin"] > 2.0)).all()


def test_the_curve_ends_at_mailing_everyone_and_its_area_is_the_qini(found):
    _, answer = found
    first, last = answer.curve.iloc[0], answer.curve.iloc[-1]
    assert first["profit"] == first["added"] == 0
    assert last["profit"] == pytest.approx(answer.profit_all)
    assert last["added"] == pytest.approx(last["added_at_random"])
    area = np.trapezoid(answer.curve["added"] - answer.curve["added_at_random"], answer.curve["share"])
    assert answer.qini == pytest.approx(area, rel=0.05)
    # those who react first: the area of the triangle that is cut off is 12 / 3 x (1 - 1/3) / 2
    assert answer.qini_low < 4 / 3 < answer.qini_high


def test_where_everyone_reacts_alike_choosing_gains_nothing():
    frame = mailing(2, lift=0.0).assign(demand=lambda f: f["demand"] + 3 * (f["arm"] == "catalog"))
    answer = targets(frame, covariates=["a", "b"], **KNOWN)
    assert answer.verdict == "no clear gain"
    assert answer.qini_low < 0 < answer.qini_high


def test_new_customers_are_scored_by_what_the_mailing_taught(found):
    frame, _ = found
    candidates = pd.DataFrame({"a": [0.0, 2.0], "b": [0.0, 0.0]}, index=["cold", "warm"])
    customers = targets(frame, covariates=["a", "b"], candidates=candidates, **KNOWN).to_frame()
    assert list(customers["mail"]) == [False, True]
    assert list(customers.index) == ["cold", "warm"]
    assert (customers["uplift_low"] < customers["uplift"]).all()
    assert customers.loc["warm", "uplift_low"] < 12 < customers.loc["warm", "uplift_high"]


def test_nobody_is_judged_by_a_model_that_knows_him():
    groups = np.repeat(np.arange(50), 3)
    fold = grouped_folds(groups, np.random.default_rng(0))
    assert all(len(set(fold[groups == group])) == 1 for group in range(50))
    assert set(fold) == set(range(5))


def test_small_or_unlotted_mailings_give_no_advice():
    small = mailing(3, 600)
    assert targets(small, covariates=["a"], **KNOWN).verdict == "not enough data"
    assert targets(small, covariates=["a"], randomised=False, **KNOWN).verdict == "not identified"


@pytest.mark.parametrize(
    ("change", "kw", "message"),
    [
        (lambda f: f.drop(columns="a"), {}, r"lacks the column\(s\) \['a'\]"),
        (lambda f: f.assign(a=np.nan), {}, "recipients.a: 300 of 300 rows are missing"),
        (lambda f: f, {"control": "none"}, "name one as `treated`"),
        (lambda f: f, {"candidates": pd.DataFrame({"b": [1.0]})}, r"candidates lacks the column\(s\) \['a'\]"),
    ],
)
def test_bad_input_is_named(change, kw, message):
    with pytest.raises(ValueError, match=message):
        targets(change(mailing(4, 300)), covariates=["a"], **{**KNOWN, **kw})
