"""The split equals the best one of an exhaustive search, keeps every promise, and says why when nothing moves."""

from datetime import date
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.budget_allocation import ALREADY_BEST, NO_CLEAR_GAIN, NOTHING_TO_MOVE
from ml.identification import Evidence
from ml.response_curves import ResponseCurves
from ml.response_model import Shape

EVIDENCE = Evidence(300, 1.0, 0.5, 0.5, 0.5, 0.5, False)
#: half-saturation, slope, effect, spend: one concave, one S-shaped, one hardly saturated
THREE = ((20.0, 1.0, 100.0, 30.0), (60.0, 2.5, 150.0, 20.0), (200.0, 1.2, 120.0, 10.0))


def curves(channels=THREE, identified=None, noise=0.0, draws=1, flights=False):
    """Curves that are known, each draw with another effect if there is noise."""
    rng = np.random.default_rng(0)
    shapes = [Shape("geometric", "hill", 0.3, 1.0, half, slope) for half, slope, _, _ in channels]
    effects = np.array([[effect * max(0.0, 1 + noise * rng.standard_normal()) for _, _, effect, _ in channels]
                        for _ in range(draws)])  # fmt: skip
    pattern = np.tile([2.0, 0.0], 50) if flights else np.ones(100)
    spends = np.column_stack([spend * pattern for *_, spend in channels])
    names = tuple("abcdefghij"[: len(channels)])
    known = tuple(identified or [True] * len(channels))
    return ResponseCurves(
        channels=names, spends=spends, first_date=date(2026, 1, 1), last_date=date(2026, 4, 10), period_days=1,
        reference=100, effects=effects, shapes=[shapes] * draws, best=shapes, best_effects=effects[0],
        evidence=(EVIDENCE,) * len(channels), identified=known, verdicts=("supported",) * len(channels),
        residual_correlation=0.0, explained_share=0.5, reasons=("time series",) * len(channels),
    )  # fmt: skip


def response(channels, amounts):
    return sum(e * x**s / (x**s + h**s) if x > 0 else 0.0 for (h, s, e, _), x in zip(channels, amounts, strict=True))


@pytest.mark.parametrize("total", [30.0, 60.0, 90.0, 160.0])
def test_the_split_is_the_best_of_all(total):
    cells = 80
    grid = ((i, j, cells - i - j) for i, j in product(range(cells + 1), repeat=2) if i + j <= cells)
    best = max(response(THREE, [total * k / cells for k in parts]) for parts in grid)
    found = curves().allocate(total, upper=dict.fromkeys("abc", total))
    assert response(THREE, found.proposed) >= best * (1 - 1e-3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_budget_and_limits_are_met_exactly(data):
    count = data.draw(st.integers(2, 5))
    shape = st.tuples(st.floats(1, 100), st.floats(0.5, 3), st.floats(1, 500), st.floats(0.5, 100))
    channels = [data.draw(shape) for _ in range(count)]
    identified = [data.draw(st.booleans()) for _ in range(count)]
    made = curves(channels, identified)
    lower = {name: now * data.draw(st.floats(0, 1)) for name, now in zip(made.channels, made.current, strict=True)}
    upper = {name: now * data.draw(st.floats(1, 3)) for name, now in zip(made.channels, made.current, strict=True)}
    ends = [
        sum(
            limit[name] if known else now
            for name, known, now in zip(made.channels, identified, made.current, strict=True)
        )
        for limit in (lower, upper)
    ]
    total = ends[0] + (ends[1] - ends[0]) * data.draw(st.floats(0, 1))
    step = data.draw(st.none() | st.floats(0.5, 20))
    split = made.allocate(total, lower, upper, step=step)
    assert split.total == pytest.approx(total, rel=1e-12)
    assert sum(split.proposed) == pytest.approx(total, rel=1e-12)
    for c, name in enumerate(made.channels):
        if identified[c]:
            assert max(lower[name] - 1e-9, 0) <= split.proposed[c] <= upper[name] + 1e-9
        else:
            assert split.proposed[c] == pytest.approx(made.current[c], rel=1e-9)
    assert split.reason


def test_amounts_move_in_steps():
    split = curves().allocate(60, step=7)
    units = split.proposed / 7
    assert sum(abs(units - units.round()) > 1e-9) <= 1  # one channel takes what is left below a step
    assert split.proposed.sum() == pytest.approx(60)


def test_a_target_return_spends_as_much_as_it_allows():
    made = curves()
    split = made.allocate(target_roi=2.0)
    assert response(THREE, split.proposed) / split.total >= 2.0 * (1 - 1e-6)
    more = made.allocate(split.total * 1.02, upper=dict.fromkeys("abc", 500.0))
    assert response(THREE, more.proposed) / more.total < 2.0
    with pytest.raises(ValueError, match=r"target_roi 50 is out of reach: the moved channels bring at most"):
        made.allocate(target_roi=50)


def test_nothing_to_move_is_said_and_not_passed_off_as_the_best():
    alone = curves(identified=[True, False, False]).allocate()
    assert alone.verdict == NOTHING_TO_MOVE
    assert "only a has an identified curve" in alone.reason
    assert "kept: b, c" in alone.reason
    assert list(alone.proposed) == pytest.approx([30, 20, 10])
    assert curves(identified=[False] * 3).allocate().verdict == NOTHING_TO_MOVE


def test_a_split_that_is_best_already_is_called_so():
    made = curves()
    best = made.allocate(60).proposed
    again = curves([(h, s, e, x) for (h, s, e, _), x in zip(THREE, best, strict=True) if x > 1])
    assert again.allocate().verdict == ALREADY_BEST


def test_a_gain_that_is_not_sure_is_not_called_supported():
    sure, unsure = (curves(noise=noise, draws=200).allocate() for noise in (0.01, 1.5))
    assert sure.verdict == "supported"
    assert sure.gain_interval[0] > 0
    assert unsure.verdict == NO_CLEAR_GAIN
    assert unsure.gain_interval[0] <= 0 <= unsure.gain_interval[1]


def test_flights_bring_what_their_pressure_brings():
    made = curves(flights=True)
    spends = made.spends[:, 1]
    shape = made.shapes[0][1]
    slow = 150 * np.mean([shape.saturated(np.array([p]))[0] for p in shape.pressure(spends * 1.5)])
    assert made.responses(1, np.array([30.0]), "observed")[0, 0] == pytest.approx(slow, rel=0.01)
    assert made.responses(1, np.array([30.0]), "steady")[0, 0] == pytest.approx(response(THREE[1:2], [30]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"total": 500.0, "upper": {"a": 30, "b": 30, "c": 30}}, r"total is 500 per period, but limits allow 0 to 90"),
        ({"total": 5.0, "lower": {"a": 10}}, r"limits allow 10 to"),
        ({"lower": {"z": 1}}, r"unknown channels \['z'\]"),
        ({"lower": {"a": 5}, "upper": {"a": 4}}, r"limits of 'a': 5 to 4"),
        ({"lower": {"a": -1}}, r"limits of 'a': -1"),
        ({"total": 1.0, "target_roi": 2.0}, r"not both"),
        ({"step": 0.0}, r"step is 0"),
        ({"timing": "never"}, r"timing is 'never'"),
    ],
)
def test_contradictions_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        curves().allocate(**arguments)


def test_a_budget_that_cannot_leave_the_unidentified_alone_names_them():
    with pytest.raises(ValueError, match=r"not identified, so kept: \{'b': 20\.0, 'c': 10\.0\}"):
        curves(identified=[True, False, False]).allocate(10)
