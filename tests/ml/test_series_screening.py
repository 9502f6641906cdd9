"""Every external against every internal series: holidays are a step, spend is found, a season alone is not."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.series_screening import screen_series
from ml.weather_sales import fit
from tests.ml.test_weather_sales import WEEK, noise

START = "2024-01-01"


def calendar(days):
    day = pd.date_range(START, periods=days)
    return day, 2 * np.pi * day.day_of_year.to_numpy() / 365.25


def holidays(day):
    return day.strftime("%m-%d").isin(["01-01", "03-29", "05-01", "05-09", "10-03", "12-25", "12-26"])


def long(day, external, internal):
    parts = [
        pd.DataFrame({"series_date": day, "side": side, "series": name, "value": np.asarray(values, dtype=float)})
        for side, series in (("external", external), ("internal", internal))
        for name, values in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def season_and_week(rng, day, angle, size):
    return size * (10 + 2 * np.cos(angle + rng.uniform(0, 6)) + 0.02 * WEEK[day.day_of_week]) + noise(
        rng, len(day), 0.3, size
    )


def shop(seed=1, days=500):
    """Revenue falls on holidays and rises by 3 per euro of search spend the day before; temperature does nothing."""
    rng = np.random.default_rng(seed)
    day, angle = calendar(days)
    search = np.maximum(200 + 60 * np.cos(angle) + rng.normal(0, 40, days), 0)
    television = np.maximum(300 + 90 * np.cos(angle) + rng.normal(0, 40, days), 0)
    lagged = np.concatenate([search[:1], search[:-1]])
    revenue = season_and_week(rng, day, angle, 200) + 3 * lagged - 900 * holidays(day)
    external = {
        "is_holiday": holidays(day),
        "spend_paid_search": search,
        "spend_tv": television,
        "temperature_max_celsius": 12 - 10 * np.cos(angle) + noise(rng, days, 0.7, 3),
    }
    internal = {"revenue_eur": revenue, "visits": season_and_week(rng, day, angle, 100)}
    return long(day, external, internal)


@pytest.fixture(scope="module")
def screening():
    return screen_series(shop(), replicates=50, rng=np.random.default_rng(0))


def effect_of(screening, variable, outcome="revenue_eur"):
    (effect,) = [e for e in screening.effects if (e.variable, e.outcome) == (variable, outcome)]
    return effect


def test_what_was_planted_is_supported_and_nothing_else(screening):
    table = screening.to_frame()
    assert len(table) == 8
    supported = table[table["verdict"] == "supported"]
    assert set(zip(supported["outcome"], supported["variable"], strict=True)) == {
        ("revenue_eur", "is_holiday"),
        ("revenue_eur", "spend_paid_search"),
    }
    by_hand = table["p_value"].sort_values() * len(table) / np.arange(1, len(table) + 1)
    assert table["q_value"].min() == pytest.approx(by_hand.min())


def test_a_holiday_is_one_step_without_a_turn(screening):
    effect = effect_of(screening, "is_holiday")
    assert not effect.has_turn
    assert np.isnan(effect.turn_p_value)
    assert effect.lag_days == 0
    assert effect.slope_below == effect.slope_above
    assert effect.slope_below_low <= -900 <= effect.slope_below_high
    assert effect.sentence_en.startswith("Revenue falls by ")
    assert effect.sentence_en.endswith(" EUR on a public holiday.")
    assert effect.sentence_de.endswith(" EUR an einem Feiertag.")


def test_spend_is_found_with_its_lag_and_said_to_be_no_effect(screening):
    effect = effect_of(screening, "spend_paid_search")
    assert effect.lag_days == 1
    assert effect.slope_below_low <= 3 <= effect.slope_below_high
    assert " EUR per EUR of paid search 1 day later" in effect.sentence_en
    assert "Moves with it, no measured effect: budgets follow demand, see Budget" in effect.sentence_en
    assert "keine gemessene Wirkung: Budgets folgen der Nachfrage, siehe Budget" in effect.sentence_de
    assert "effect" not in effect_of(screening, "spend_tv").sentence_en


def test_a_holiday_is_no_control_of_itself():
    frame = shop().query("series in ['is_holiday', 'revenue_eur']")
    day = frame.query("side == 'internal'")["series_date"].to_numpy()
    wide = frame.pivot(index="series_date", columns="series", values="value").loc[day].reset_index()
    known = {"date": "series_date", "x": "is_holiday", "y": "revenue_eur", "replicates": 20}
    with_itself, without = (fit(wide, **known, controls=names) for names in (["is_holiday"], []))
    pd.testing.assert_frame_equal(with_itself.to_frame(), without.to_frame())
    # Under another name it is a control: nothing is left to be found.
    twin = fit(wide.assign(twin=wide["is_holiday"]), **{**known, "max_lag": 0}, controls=["twin"])
    assert twin.verdict == "too little data"
    assert np.isnan(twin.p_value)


def test_fewer_than_five_holidays_are_too_little():
    frame = shop(days=120)
    assert frame.query("series == 'is_holiday'")["value"].sum() < 5
    effect = effect_of(screen_series(frame, replicates=2), "is_holiday")
    assert effect.verdict == "too little data"
    assert "too much alike" in effect.sentence_en


def test_a_plural_takes_its_verb_and_a_share_its_points():
    rng = np.random.default_rng(2)
    day, angle = calendar(400)
    heat = 12 - 10 * np.cos(angle) + noise(rng, 400, 0.7, 3)
    share = 0.03 + (heat + rng.normal(0, 1, 400)) / 1e4
    internal = {"orders": 20 + heat + rng.normal(0, 1, 400), "visit_conversion_share": share}
    screening = screen_series(long(day, {"temperature_max_celsius": heat}, internal), replicates=20)
    orders, share = (effect_of(screening, "temperature_max_celsius", name) for name in internal)
    assert orders.sentence_de.startswith("Bestellungen steigen um 1")
    assert orders.sentence_en.startswith("Orders rise by 1")
    assert "Prozentpunkte je °C Höchsttemperatur" in share.sentence_de
    assert "rises by 0.01 percentage points per °C" in share.sentence_en.replace("0.0099", "0.01")


def test_gaps_stay_gaps_and_order_changes_nothing():
    frame = shop()
    lost = (frame["series"] == "temperature_max_celsius") & (frame["series_date"] == pd.Timestamp("2024-07-01"))
    gappy = screen_series(frame[~lost], max_lag=1, replicates=2)
    effect = effect_of(gappy, "temperature_max_celsius")
    assert effect.days_dropped == 1 + 2  # no day before the first; the gap and the day after it
    mixed = screen_series(frame[~lost].sample(frac=1, random_state=3), max_lag=1, replicates=2)
    pd.testing.assert_frame_equal(gappy.to_frame(), mixed.to_frame())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="side"), r"lacks the column\(s\) \['side'\]"),
        (lambda f: f.assign(side="inside"), r"side holds \['inside'\]"),
        (lambda f: f[f["side"] == "external"], r"no series of side \['internal'\]"),
        (lambda f: pd.concat([f, f[:2]]), "2 of 3002 rows repeat a day x series"),
        (lambda f: f.assign(value="much"), "value must hold numbers"),
    ],
)
def test_bad_input_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        screen_series(change(shop()))


def null_pairs(worlds):
    """Verdicts of 20 pairs a world in which all series share the calendar and nothing else."""
    verdicts = []
    for seed in worlds:
        rng = np.random.default_rng(seed)
        day, angle = calendar(400)
        external = {f"outside_{i}": season_and_week(rng, day, angle, 1 + i) for i in range(4)}
        external["is_holiday"] = holidays(day)
        internal = {f"inside_{i}": season_and_week(rng, day, angle, 100) for i in range(4)}
        verdicts += [effect.verdict for effect in screen_series(long(day, external, internal), replicates=2).effects]
    return verdicts


def test_series_that_share_only_the_season_are_hardly_ever_supported():
    verdicts = null_pairs(range(2))
    assert len(verdicts) == 40
    assert verdicts.count("supported") <= 2


@pytest.mark.slow
def test_at_most_5_percent_of_200_seasonal_pairs_are_supported():
    verdicts = null_pairs(range(10, 20))
    assert len(verdicts) == 200
    assert verdicts.count("supported") <= 10


def test_sentences_name_lag_turn_and_tiny_slopes(screening):
    holiday, spend = (effect_of(screening, name) for name in ("is_holiday", "spend_paid_search"))
    assert replace(holiday, lag_days=1).sentence_en.endswith(" EUR 1 day after a public holiday.")
    assert replace(holiday, lag_days=2).sentence_de.endswith(" EUR 2 Tage nach einem Feiertag.")
    same_day = replace(spend, variable="spend_radio", lag_days=0, slope_below=0.00002, outcome="orders")
    assert same_day.sentence_de.startswith(
        "Bestellungen steigen um 0,00002 je EUR für radio, am selben Tag. Gleichlauf"
    )
    turned = replace(
        spend, variable="social_posts", threshold=12.0, threshold_low=9.0, threshold_high=15.0, slope_above=0.0,
        days_beyond=60, days_below=300,
    )  # fmt: skip
    assert " per post 1 day later up to 12.0 (9.0 to 15.0), beyond: stays level. Moves with it" in turned.sentence_en


def test_what_held_out_days_do_not_confirm_is_not_called_no_tie(screening):
    effect = replace(effect_of(screening, "is_holiday"), out_of_time_gain=-0.1)
    assert effect.verdict == "season only"
    assert "days held out do not confirm it" in effect.sentence_en
    assert "an zurückgehaltenen Tagen bestätigt sich das nicht" in effect.sentence_de
    assert "no tie" in replace(effect, p_value=0.4, q_value=0.6).sentence_en
