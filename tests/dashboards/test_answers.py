"""What may be said, and what may not."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from dashboards import answers


@given(st.integers(1, 100_000), st.floats(0, 1))
def test_wilson_is_that_of_statsmodels(trials: int, share: float) -> None:
    successes = round(trials * share)
    expected = proportion_confint(successes, trials, alpha=0.05, method="wilson")
    assert answers.wilson(successes, trials) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize(
    ("days", "mean", "error", "verdict"),
    [(28, 10, 3, "up"), (28, -10, 3, "down"), (28, 5, 3, "noise"), (3, 50, 1, "unknown"), (28, math.nan, 1, "unknown")],
)
def test_a_change_is_only_called_one_beyond_its_swings(days: int, mean: float, error: float, verdict: str) -> None:
    assert answers.swing(days, mean, error) == verdict


@pytest.mark.parametrize(
    ("score", "low", "high", "standing"),
    [
        (40, 35, 45, "below"),
        (48, 45, 51, "at"),
        (60, 55, 65, "above"),
        (40, None, None, "unsure"),
        (None, None, None, "unknown"),
    ],
)
def test_a_phase_is_below_only_with_its_whole_interval(
    score: float | None, low: float | None, high: float | None, standing: str
) -> None:
    assert answers.standing(score, low, high) == standing


def test_models_that_agree_are_not_reported_as_a_dispute() -> None:
    credits = pd.DataFrame(
        [(m, c, s) for m in ("first", "last") for c, s in (("a", 0.6), ("b", 0.4))], columns=["model", "name", "share"]
    )
    result = answers.agreement(credits)
    assert result.leaders == ["a"]
    assert result.disputed.empty


def test_a_dispute_names_the_models_and_counts_a_missing_channel_as_zero() -> None:
    credits = pd.DataFrame(
        [("first", "a", 0.7), ("first", "b", 0.3), ("last", "a", 0.2), ("last", "b", 0.3), ("last", "c", 0.5)],
        columns=["model", "name", "share"],
    )
    result = answers.agreement(credits)
    assert set(result.leaders) == {"a", "c"}
    rows = result.disputed.set_index("name")
    assert set(rows.index) == {"a", "c"}
    assert (rows.loc["a", "low_model"], rows.loc["a", "high_model"]) == ("last", "first")
    assert rows.loc["c", "low"] == 0


def test_the_interval_of_a_difference_is_newcombes() -> None:
    """Example (a) of Newcombe (1998), table II, method 10: 56 of 70 against 48 of 80."""
    found = answers.difference((56 / 70, *answers.wilson(56, 70)), (48 / 80, *answers.wilson(48, 80)))
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert found.is_clear
    assert not answers.difference((0.5, 0.4, 0.6), (0.5, 0.4, 0.6)).is_clear


def test_a_main_line_carries_much_of_its_station_or_of_all_journeys() -> None:
    edges = pd.DataFrame({"n": [10, 9, 30, 12], "probability": [0.01, 0.01, 0.02, 0.1]})
    assert list(answers.is_main_line(edges, 1_000)) == [True, False, True, True]
