"""BG/NBD: the published numbers, its formulas against simulation, and honest refusal."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from ml.bgnbd import _loss
from ml.customer_scores import fit_bgnbd

CDNOW = Path(__file__).parents[3] / "shared" / "data" / "sales_cdnow" / "cdnow_customers_summary.csv"
TRUTH = {"r": 0.6, "alpha": 8.0, "a": 1.2, "b": 3.0}


def customers(rng, count, weeks, after=0.0):
    """Simulated customers: the summary at `weeks`, and who is still alive and what they order in the time after."""
    rows = []
    for _ in range(count):
        rate, leaving = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"]), rng.beta(TRUTH["a"], TRUTH["b"])
        now, orders, alive = 0.0, [], True
        while True:
            now += rng.exponential(1 / rate)
            if now > weeks + after:
                break
            orders.append(now)
            if rng.random() < leaving:
                alive = now > weeks
                break
        seen = [at for at in orders if at <= weeks]
        rows.append((len(seen), max(seen, default=0.0), weeks, alive, len(orders) - len(seen)))
    return pd.DataFrame(rows, columns=["frequency", "recency", "T", "alive", "later"])


@pytest.mark.realdata
@pytest.mark.skipif(not CDNOW.exists(), reason="sample data are not beside the project")
def test_cdnow_has_its_published_parameters():
    model = fit_bgnbd(pd.read_csv(CDNOW))
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), abs=5e-4)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert model.verdict == "supported"
    assert (model.low < model.parameters).all()
    assert (model.parameters < model.high).all()
    assert model.to_frame()["parameter"].tolist() == ["r", "alpha", "a", "b"]


def test_unit_of_time_changes_only_alpha():
    summary = customers(np.random.default_rng(1), 1500, 40)
    weeks, days = fit_bgnbd(summary), fit_bgnbd(summary.assign(recency=summary["recency"] * 7, T=summary["T"] * 7))
    assert days.parameters / weeks.parameters == pytest.approx([1, 7, 1, 1], rel=1e-3)
    assert days.expected_orders(70) == pytest.approx(weeks.expected_orders(10), rel=1e-3)


def test_gradient_is_the_slope_of_the_likelihood():
    summary = customers(np.random.default_rng(2), 200, 30)
    known = tuple(summary[name].to_numpy(dtype=float) for name in ("frequency", "recency", "T"))
    at = np.array([-0.4, 1.9, 0.3, 0.8])
    slope = optimize.approx_fprime(at, lambda logs: _loss(logs, *known)[0], 1e-7)
    assert _loss(at, *known)[1] == pytest.approx(slope, rel=1e-4, abs=1e-3)


def test_forecasts_agree_with_what_simulated_customers_do():
    summary = customers(np.random.default_rng(3), 20_000, 40, after=20)
    model = fit_bgnbd(summary)
    assert model.parameters == pytest.approx(list(TRUTH.values()), rel=0.25)
    expected, alive = model.expected_orders(20), model.probability_alive()
    assert expected.sum() == pytest.approx(summary["later"].sum(), rel=0.05)
    assert alive.mean() == pytest.approx(summary["alive"].mean(), abs=0.01)
    for tenth in np.array_split(np.argsort(expected), 5):
        assert expected[tenth].mean() == pytest.approx(summary["later"].to_numpy()[tenth].mean(), rel=0.15, abs=0.02)
    low, high = model.expected_orders_interval(20)
    assert (low <= expected).all()
    assert (expected <= high).all()
    assert model.expected_orders(0) == pytest.approx(np.zeros(len(summary)), abs=1e-9)


def test_few_repeat_customers_are_not_enough():
    assert fit_bgnbd(customers(np.random.default_rng(4), 40, 20)).verdict == "not enough data"


@pytest.mark.slow
def test_intervals_cover_the_parameters():
    covered = []
    for seed in range(100):
        model = fit_bgnbd(customers(np.random.default_rng(seed + 10), 2000, 40))
        covered.append((model.low <= list(TRUTH.values())) & (list(TRUTH.values()) <= model.high))
    assert 0.9 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="T"), r"lacks the column\(s\) \['T'\]"),
        (lambda f: f.assign(recency=99.0), "recency: 30 of 30 rows exceed T"),
        (lambda f: f.assign(frequency=1, recency=0.0), "recency: 30 of 30 rows are 0 with repeats"),
        (lambda f: f.assign(frequency=0, recency=0.0), "nobody ordered again"),
        (lambda f: f.assign(frequency=-1), "30 of 30 rows are below 0"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        fit_bgnbd(change(customers(np.random.default_rng(5), 30, 20)))
    with pytest.raises(ValueError, match="t is -1"):
        fit_bgnbd(customers(np.random.default_rng(5), 30, 20)).expected_orders(-1)
