"""Known curves are found again, a hidden driver is not mistaken for advertising, and errors say what to do."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.budget import CHANNELS, confounded, confounded_fit, world
from ml import adstock
from ml.budget import LiftTest, fit
from ml.calendar import holiday_columns

MMM = Path(__file__).parents[3] / "shared" / "data" / "marketing_mmm_example" / "mmm_example.csv"


def true_example(amounts):
    """Steady response of the published example, in thousands."""
    return 3 * np.tanh(2 * amounts[0]) + 2 * np.tanh(1.5 * amounts[1])


@pytest.fixture(scope="module")
def example():
    frame = pd.read_csv(MMM, parse_dates=["date_week"])
    known = {"date": "date_week", "outcome": "y", "spend": ["x1", "x2"], "controls": ["event_1", "event_2"]}
    return fit(frame, **known, rng=np.random.default_rng(1))


@pytest.fixture(scope="module")
def shop():
    made = world(0)
    return made, fit(made.frame, date="day", outcome="orders", spend=CHANNELS, countries=["DE"], draws=300)


@pytest.mark.realdata
@pytest.mark.skipif(not MMM.exists(), reason="sample data are not beside the project")
def test_the_published_example_has_its_parameters(example):
    found = example.to_frame().set_index("channel")
    assert list(found["adstock"]) == pytest.approx([0.4, 0.2], rel=0.1)
    assert list(found["saturation"]) == pytest.approx([4, 3], rel=0.1)
    assert list(found["saturation_kind"]) == ["logistic", "logistic"]
    assert found.loc["x1", "effect"] / found.loc["x2", "effect"] == pytest.approx(3 / 2, rel=0.1)
    assert found["identified"].all()


@pytest.mark.realdata
@pytest.mark.skipif(not MMM.exists(), reason="sample data are not beside the project")
def test_the_published_example_is_allocated_with_a_regret_below_one_percent(example):
    for total in (example.current.sum(), 0.6, 1.0):
        split = example.allocate(total)
        best = max(true_example((x, total - x)) for x in np.linspace(0, total, 2001))
        assert 1 - true_example(split.proposed) / best < 0.01


def test_true_returns_lie_in_their_intervals(shop):
    made, curves = shop
    found = curves.to_frame()
    true = made.roas(curves.reference)
    assert found["identified"].sum() >= 3
    assert ((found["roas_low"] <= true) & (true <= found["roas_high"])).sum() >= 3
    assert found.loc[[0, 3], "roas"].to_numpy() == pytest.approx(true[[0, 3]], rel=0.2)


def test_the_same_data_and_seed_give_the_same_result():
    frame = world(0).frame.tail(200)
    known = {"date": "day", "outcome": "orders", "spend": CHANNELS, "harmonics": 1, "draws": 20}
    first, again, shuffled = (
        fit(part, **known, rng=np.random.default_rng(3)).to_frame() for part in (frame, frame, frame.sample(frac=1))
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(first, shuffled, check_exact=True)


def test_a_hidden_driver_is_seen_and_not_taken_for_advertising():
    row = confounded_fit(confounded(1, 0.8), "none", seed=1)
    assert not row["identified"]
    assert row["reason"] == "spend moves with sales for another reason"
    assert row["roas_low"] == 0


def test_a_driver_without_memory_leaves_no_trace_and_is_not_ruled_out():
    """Days apart do not know of each other: nothing but the missing plan tells that spend may follow demand."""
    row = confounded_fit(confounded(0, 0.0), "none", seed=0)
    assert not row["identified"]
    assert row["reason"] == "spend is not planned ahead"
    assert row["roas_low"] == 0


def test_a_driver_that_is_known_is_taken_out():
    made = confounded(1, 0.8)
    row = confounded_fit(made, "control", seed=1)
    assert row["roas_low"] <= made.roas <= row["roas_high"]
    assert row["placebo_p"] > 0.001


def test_one_lift_test_corrects_the_return_to_within_a_fifth():
    made = confounded(1, 0.8)
    row = confounded_fit(made, "lift test", seed=1)
    assert row["roas"] == pytest.approx(made.roas, rel=0.2)
    assert row["identified"]
    assert row["reason"] == "experiment alone"


@pytest.mark.parametrize("seed", [2, 4])
def test_a_hidden_driver_does_not_bend_the_curve_of_a_tested_channel(seed):
    made = confounded(seed, 0.95, error=0.0)
    stronger = replace(made, frame=made.frame.assign(sales=made.frame["sales"] + 20 * made.frame["demand"]))
    row, other = (confounded_fit(shop, "lift test", seed) for shop in (made, stronger))
    for name in ("roas", "marginal_roas"):
        assert other[name] == pytest.approx(row[name], rel=0.03)
        assert row[f"{name}_low"] <= getattr(made, name) <= row[f"{name}_high"]


def test_tests_at_unlike_spend_tell_what_the_next_euro_brings():
    periods = confounded(2, 0.95).frame["spend"].to_numpy()[: 26 * 28].reshape(26, 28).mean(axis=1).argsort()
    one, several = (
        confounded_fit(made, "lift test", seed=2)
        for made in (confounded(2, 0.95, error=0.0, tested=tested) for tested in (periods[:1], periods[[0, 1, -2, -1]]))
    )
    widths = [row["marginal_roas_high"] - row["marginal_roas_low"] for row in (one, several)]
    assert widths[1] < 0.6 * widths[0]
    assert several["marginal_roas_low"] <= confounded(2, 0.95).marginal_roas <= several["marginal_roas_high"]


def test_beside_an_experiment_a_series_that_nothing_speaks_against_still_tells_the_shape(shop):
    made, curves = shop
    brought = made.contributions[400:442, CHANNELS.index("tv")].sum()
    test = LiftTest("tv", made.frame["day"][400], made.frame["day"][441], brought, 0.1 * brought)
    known = {"date": "day", "outcome": "orders", "spend": CHANNELS, "countries": ["DE"], "draws": 150}
    tested, untested = (
        found.to_frame().set_index("channel").loc["tv"]
        for found in (fit(made.frame, **known, lift_tests=[test]), curves)
    )
    assert tested["reason"] == "experiment"
    assert tested["marginal_roas"] == pytest.approx(untested["marginal_roas"], rel=0.2)


@settings(max_examples=40)
@given(
    st.lists(st.floats(0, 1e4), min_size=1, max_size=40),
    st.floats(0.0, 0.9),
    st.floats(0.2, 20),
    st.floats(0.3, 3),
)
def test_carry_over_is_the_plain_sum_over_earlier_periods(spend, carry_over, scale, shape):
    series = np.array(spend)
    slow = [sum((1 - carry_over) * carry_over**k * spend[t - k] for k in range(t + 1)) for t in range(len(spend))]
    assert adstock.geometric(series, carry_over) == pytest.approx(np.array(slow), rel=1e-9, abs=1e-9)
    weights = adstock.weibull_weights(scale, shape)
    assert weights.sum() == pytest.approx(1)
    delayed = [sum(weights[k] * spend[t - k] for k in range(t + 1)) for t in range(len(spend))]
    assert adstock.weibull(series, scale, shape) == pytest.approx(
        np.array(delayed), rel=1e-4, abs=1e-5 * max(spend) + 1e-9
    )


def test_a_weibull_delay_of_shape_one_is_geometric():
    series = np.random.default_rng(0).random(100)
    assert adstock.weibull(series, -1 / np.log(0.6), 1.0) == pytest.approx(adstock.geometric(series, 0.6), abs=1e-5)


def test_saturation_is_half_where_it_says_so():
    at = np.array([0.0, 7.0, 1e9])
    for values in (adstock.hill(at, 7, 1.8), adstock.logistic(at, 7)):
        assert values == pytest.approx([0, 0.5, 1])


def test_holidays_are_those_of_the_country():
    days = pd.date_range("2026-01-01", "2026-12-31")
    found = {name: set(days[values > 0].strftime("%m-%d")) for name, values in
             holiday_columns(days, ["DE", "AT", "CH"]).items()}  # fmt: skip
    assert "10-03" in found["holiday_DE"] - found["holiday_AT"]
    assert "10-26" in found["holiday_AT"] - found["holiday_DE"]
    assert "08-01" in found["holiday_CH"] - found["holiday_DE"]
    assert "10-02" in found["eve_DE"]
    black_week = holiday_columns(days, ["DE"])["black_week"]
    assert days[np.argmax(black_week)].date() == date(2026, 11, 27)
    weeks = pd.date_range("2026-01-05", periods=52, freq="7D")
    weekly = holiday_columns(weeks, ["DE"], 7)["holiday_DE"]
    assert weekly[weeks.get_loc("2026-04-06")] == pytest.approx(1 / 7)  # Easter Monday


def good_frame(days=120):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {"day": pd.date_range("2026-01-01", periods=days), "sales": rng.random(days), "tv": rng.random(days)}
    )


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (good_frame().drop(columns="tv"), {}, r"frame lacks the column\(s\) \['tv'\]"),
        (good_frame().assign(tv=-1.0), {}, r"frame.tv: 120 of 120 rows are below 0"),
        (good_frame().assign(sales=np.nan), {}, r"frame.sales: 120 of 120 rows are missing"),
        (good_frame().drop(index=[7]), {}, r"frame.day: 1 of 119 rows do not follow .* the first on 2026-01-09"),
        (pd.concat([good_frame(), good_frame().head(1)]), {}, r"frame.day: 1 of 121 rows do not follow"),
        (good_frame(40), {}, r"40 rows; response curves need at least 52"),
        (good_frame(), {"countries": ["XX"]}, r"countries: .*'XX'"),
        (good_frame(), {"adstock": "sudden"}, r"adstock is 'sudden'"),
        (
            good_frame(),
            {"lift_tests": [LiftTest("radio", date(2026, 1, 5), date(2026, 1, 9), 1, 1)]},
            r"'radio': no such",
        ),
        (good_frame(), {"lift_tests": [LiftTest("tv", date(2025, 1, 5), date(2025, 1, 9), 1, 1)]}, r"no whole period"),
        (good_frame(), {"lift_tests": [LiftTest("tv", date(2026, 1, 5), date(2026, 1, 9), 1, 0)]}, r"error above 0"),
    ],
)
def test_bad_input_is_named(frame, options, message):
    with pytest.raises(ValueError, match=message):
        fit(frame, date="day", outcome="sales", spend=["tv"], **options)


def test_noise_is_not_called_an_effect():
    rng = np.random.default_rng(5)
    frame = good_frame(400).assign(sales=100 + rng.standard_normal(400), radio=rng.random(400))
    found = fit(frame, date="day", outcome="sales", spend=["tv", "radio"], draws=150, rng=rng).to_frame()
    assert not found["identified"].any()


def test_a_channel_that_never_spent_or_hardly_ever_is_not_judged():
    frame = good_frame(200).assign(never=0.0, seldom=0.0)
    frame.loc[[20, 90], "seldom"] = 5.0
    found = fit(frame, date="day", outcome="sales", spend=["tv", "never", "seldom"], draws=50).to_frame()
    assert list(found["verdict"].iloc[1:]) == ["not enough data", "not enough data"]
    assert np.isnan(found.loc[1, "roas"])
