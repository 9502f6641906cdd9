"""Planted turns are found, seasons alone are not mistaken for weather, and real data gives its known numbers."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml.weather_sales import fit, screen

BIKESHARE = Path(__file__).parents[3] / "shared" / "data" / "weather_bikeshare" / "Bikeshare.csv"
WEEK = np.array([0, 2, 3, 5, 10, 25, -20])


def noise(rng, days, memory, size):
    steps = rng.normal(0, size * np.sqrt(1 - memory**2), days)
    for day in range(1, days):
        steps[day] += memory * steps[day - 1]
    return steps


def hot_shop(seed, *, days=400, mean=27.0, turn=40.0, sold_per_degree=4.0, beyond=-10.0, swing=10.0, memory=0.3, lag=0):
    """Water in a hot climate: sales rise by 4 per degree up to 40 degrees C and fall by 10 beyond, plus all else."""
    rng = np.random.default_rng(seed)
    day = pd.date_range("2024-10-01", periods=days)
    angle = 2 * np.pi * (day.day_of_year.to_numpy() - 105) / 365.25
    heat = mean + 12 * np.sin(angle) + noise(rng, days, 0.7, 4)
    felt = np.concatenate([heat[:1].repeat(lag), heat[: days - lag]])
    effect = sold_per_degree * np.minimum(felt, turn) + beyond * np.maximum(felt - turn, 0)
    season = 30 * np.cos(angle + 1) + 10 * np.sin(2 * angle)
    sold = 200 + effect + season + WEEK[day.day_of_week] + 0.03 * np.arange(days) + noise(rng, days, memory, swing)
    return pd.DataFrame({"day": day, "heat": heat, "sold": sold})


def season_only(seed, **kw):
    """The same shop without any effect of heat."""
    return hot_shop(seed, sold_per_degree=0, beyond=0, **kw)


def fit_shop(frame, seed=0, **kw):
    return fit(frame, date="day", x="heat", y="sold", rng=np.random.default_rng(seed), **kw)


def found(seeds):
    effects = [fit_shop(hot_shop(seed), replicates=2) for seed in seeds]
    return np.mean([abs(effect.threshold - 40) <= 2 for effect in effects]), effects


def supported(seeds):
    return np.mean([fit_shop(season_only(seed), replicates=2).verdict == "supported" for seed in seeds])


def test_a_planted_turn_is_found_with_its_slopes_and_band():
    effect = fit_shop(hot_shop(3))
    assert effect.verdict == "supported"
    assert effect.lag_days == 0
    assert effect.threshold == pytest.approx(40, abs=1.5)
    assert effect.threshold_low <= 40 <= effect.threshold_high
    assert effect.slope_below_low <= 4 <= effect.slope_below_high
    assert effect.slope_above_low <= -10 <= effect.slope_above_high
    assert effect.out_of_time_gain > 0.3
    curve = effect.curve
    assert (curve["y_low"] <= curve["y_fitted"]).all()
    assert (curve["y_fitted"] <= curve["y_high"]).all()
    assert curve["x"].iloc[curve["y_fitted"].argmax()] == pytest.approx(effect.threshold, abs=1.5)


def test_turns_are_found_in_nearly_all_worlds():
    share, _ = found(range(100, 120))
    assert share >= 0.9


def test_seasons_alone_are_hardly_ever_supported():
    assert supported(range(200, 230)) <= 0.1


@pytest.mark.slow
def test_turns_are_found_in_100_worlds():
    share, _ = found(range(100))
    assert share >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0.3, 0.7])
def test_at_most_5_percent_of_200_seasonal_worlds_are_supported(memory):
    verdicts = [fit_shop(season_only(seed, memory=memory), replicates=2).verdict for seed in range(1000, 1200)]
    assert verdicts.count("supported") <= 10


@pytest.mark.slow
def test_threshold_intervals_cover():
    effects = [fit_shop(hot_shop(seed), seed=seed) for seed in range(60)]
    assert np.mean([effect.threshold_low <= 40 <= effect.threshold_high for effect in effects]) >= 0.85


def test_fewer_than_20_days_beyond_the_turn_are_too_little():
    worlds = [hot_shop(seed, mean=24, swing=5) for seed in range(20)]
    rare = [frame for frame in worlds if 8 <= (frame["heat"] > 40).sum() <= 15]
    effects = [fit_shop(frame, replicates=20) for frame in rare]
    assert len(effects) >= 5
    assert {effect.verdict for effect in effects} == {"too little data"}
    assert all("zu wenige" in effect.sentence_de and "too few" in effect.sentence_en for effect in effects)


def test_a_straight_effect_has_no_turn_and_one_slope():
    effect = fit_shop(hot_shop(8, turn=99))
    assert effect.verdict == "supported"
    assert not effect.has_turn
    assert effect.slope_below == effect.slope_above == pytest.approx(4, abs=0.6)


def test_the_lag_is_found():
    effect = fit_shop(hot_shop(4, lag=2))
    assert effect.lag_days == 2
    assert effect.verdict == "supported"
    assert "2 Tagen" in effect.sentence_de


def test_weather_gaps_are_dropped_and_counted_never_filled():
    frame = hot_shop(3)
    gappy = frame.assign(heat=frame["heat"].mask(frame.index.isin([50, 51, 300])))
    effect = fit_shop(gappy, max_lag=1)
    assert effect.days_dropped == 1 + 3 + 2  # no day before the first; the gaps; the two days after them
    assert effect.days + effect.days_dropped == 400
    filled = fit_shop(frame, max_lag=1)
    assert effect.threshold == pytest.approx(filled.threshold, abs=0.5)


def test_missing_days_do_not_shorten_a_lag():
    frame = hot_shop(4, lag=2)
    holes = frame[~frame.index.isin(range(30, 400, 9))]
    assert fit_shop(holes).lag_days == 2


def test_order_of_rows_and_kind_of_numbers_change_nothing():
    frame = hot_shop(3)
    as_rows = frame.sample(frac=1, random_state=1)
    as_rows["sold"] = [Decimal(str(value)) for value in as_rows["sold"]]
    as_rows["day"] = as_rows["day"].dt.date
    first, again = fit_shop(frame).to_frame(), fit_shop(as_rows).to_frame()
    pd.testing.assert_frame_equal(first, again)


def test_too_few_days_or_still_weather_give_no_numbers():
    for frame in (
        hot_shop(1)[:60],
        hot_shop(1).assign(heat=20.0),
        hot_shop(1).assign(heat=np.nan),
        hot_shop(1).assign(sold=0),
    ):
        effect = fit_shop(frame)
        assert effect.verdict == "too little data"
        assert np.isnan(effect.threshold)
        assert effect.curve.empty
        assert effect.sentence_de
        assert effect.sentence_en


def test_screening_controls_false_discoveries_over_all_pairs():
    rng = np.random.default_rng(0)
    parts = []
    for seed, category in enumerate(["water", "books", "shoes", "tea"]):
        frame = hot_shop(3) if category == "water" else season_only(60 + seed)
        frame["heat"] = hot_shop(3)["heat"]
        parts.append(frame.assign(category=category, rain=rng.gamma(0.3, 6, len(frame)), gone=np.nan))
    frame = pd.concat(parts)
    frame["holiday"] = frame["day"].dt.strftime("%m-%d").isin(["12-25", "01-01"])
    screening = screen(
        frame, date="day", x=("heat", "rain", "gone"), y="sold", by=("category",), controls=("holiday",), rng=rng
    )
    table = screening.to_frame().set_index(["category", "variable"])
    assert len(table) == 12
    assert table["verdict"].eq("supported").sum() == 1
    assert table.loc[("water", "heat"), "verdict"] == "supported"
    assert (table.xs("gone", level="variable")["verdict"] == "too little data").all()
    known = table.dropna(subset="p_value")
    assert (known["q_value"] >= known["p_value"]).all()
    by_hand = known["p_value"].sort_values() * len(known) / np.arange(1, len(known) + 1)
    assert known["q_value"].min() == pytest.approx(by_hand.min())
    curves = screening.curves()
    assert list(curves.columns) == ["category", "variable", "lag_days", "x", "y_fitted", "y_low", "y_high"]
    assert curves.groupby(["category", "variable"]).size().eq(41).all()
    assert len(curves) == 41 * 8


def test_same_seed_same_result():
    first, again = (fit_shop(hot_shop(3), seed=9).to_frame() for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_sentences_say_what_was_found_in_both_languages():
    frame = hot_shop(3).rename(columns={"heat": "temperature_max_celsius", "sold": "units"})
    effect = fit(
        frame, date="day", x="temperature_max_celsius", y="units", keys={"category": "Wasser", "region": "all"}
    )
    assert effect.sentence_de.startswith("Wasser: Absatz steigt um ")
    assert "je °C Höchsttemperatur bis " in effect.sentence_de
    assert "darüber: fällt um" in effect.sentence_de
    assert "," in effect.sentence_de.split("bis ")[1][:5]
    assert effect.sentence_en.startswith("Wasser: units sold rise by ")
    assert ", beyond: fall by " in effect.sentence_en
    nothing = fit(season_only(201), date="day", x="heat", y="sold")
    assert "Jahreszeit" in nothing.sentence_de
    assert "season" in nothing.sentence_en


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="heat"), r"lacks the column\(s\) \['heat'\]"),
        (lambda f: f[:0], "0 rows"),
        (lambda f: pd.concat([f, f[:3]]), "day: 3 of 403 rows repeat a day"),
        (lambda f: f.assign(heat="warm"), "heat must hold numbers"),
        (lambda f: f.assign(sold=np.inf), "sold: 400 of 400 rows are missing or infinite"),
        (lambda f: f.assign(day=pd.NaT), "day: 400 of 400 rows have no day"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        fit_shop(change(hot_shop(1)))
    with pytest.raises(ValueError, match=r"holiday: 1 of 400 rows are missing"):
        fit_shop(hot_shop(1).assign(holiday=[np.nan] + [0] * 399), controls=("holiday",))


@pytest.mark.realdata
@pytest.mark.skipif(not BIKESHARE.exists(), reason="sample data are not beside the project")
def test_bikeshare_turns_where_it_is_known_to():
    hours = pd.read_csv(BIKESHARE)
    hours = hours[hours["hr"].astype(int).between(10, 18)]
    sky = {"clear": 1, "cloudy/misty": 2, "light rain/snow": 3, "heavy rain/snow": 4}
    days = hours.assign(sky=hours["weathersit"].map(sky)).groupby("day", as_index=False)
    frame = days.agg(
        bikers=("bikers", "sum"),
        temp=("temp", "mean"),
        humidity=("hum", "mean"),
        sky=("sky", "median"),
        holiday=("holiday", "first"),
    )
    frame["celsius"] = frame["temp"] * 47 - 8
    frame["date"] = pd.Timestamp("2010-12-31") + pd.to_timedelta(frame["day"], unit="D")
    frame["misty"], frame["wet"] = frame["sky"].between(2, 2.9), frame["sky"] >= 3
    known = {"date": "date", "x": "celsius", "y": "bikers", "max_lag": 0, "replicates": 500}
    controls = ("humidity", "misty", "wet", "holiday")

    plain = fit(frame, **known, controls=controls, harmonics=0)
    assert plain.days == 365
    assert plain.correlation == pytest.approx(0.679, abs=0.001)
    assert plain.threshold == pytest.approx(25.5, abs=0.25)
    assert plain.slope_below == pytest.approx(75.8, rel=0.03)
    assert plain.slope_above == pytest.approx(-85.3, rel=0.05)
    assert (plain.threshold_low, plain.threshold_high) == pytest.approx((22.25, 29.0), abs=2)

    seasonal = fit(frame, **known, controls=controls, harmonics=2)
    assert seasonal.threshold == pytest.approx(28.5, abs=0.25)
    assert (seasonal.threshold_low, seasonal.threshold_high) == pytest.approx((23.5, 29.8), abs=0.5)
    assert seasonal.verdict == "supported"
    assert fit(frame, **known).verdict == "supported"
