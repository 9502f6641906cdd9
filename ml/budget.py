"""Where should the next euro go: response curves of advertising channels, and the best split of a budget on them.

curves = fit(
    frame, date="day", outcome="revenue_eur", spend=["tv", "paid_search"], controls=["temperature"],
    countries=["DE", "AT", "CH"], lift_tests=[LiftTest("tv", date(2026, 3, 2), date(2026, 3, 15), 41_000, 6_000)],
    rng=numpy.random.default_rng(7),
)
curves.to_frame()                      # one row per channel: curve, return on spend, verdict
curves.allocate(5_000, step=100)       # 5,000 per period, moved in steps of 100
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a parameter

import numpy as np
import pandas as pd

from ml.budget_allocation import Allocation
from ml.calendar import YEAR, holiday_columns, season_columns
from ml.experiment_curves import cut_off_series
from ml.identification import doubt, evidence_of, verdicts
from ml.response_curves import ResponseCurves
from ml.response_model import ADSTOCKS, SATURATIONS, Channel, Draws, Lift, Whitener, sample
from ml.validation import numbers, require_choice, require_columns

__all__ = ["Allocation", "LiftTest", "ResponseCurves", "fit"]

MINIMUM_PERIODS = 52
MOST_CORRELATION = 0.8
_AUTO = "auto"


@dataclass(frozen=True, slots=True)
class LiftTest:
    """What an experiment measured: a holdout, a conversion-lift study, a geo test.

    Attributes
    ----------
    channel : str
        One of the spend columns.
    start, end : date
        First and last day of the test. The lift is that of the channel's whole spend in these days, measured in them.
    lift : float
        More outcome because of it, in the unit of the outcome.
    standard_error : float
        Above 0.
    """

    channel: str
    start: Date
    end: Date
    lift: float
    standard_error: float


def fit(
    frame: pd.DataFrame,
    *,
    date: str,
    outcome: str,
    spend: Sequence[str],
    controls: Sequence[str] = (),
    lift_tests: Sequence[LiftTest] = (),
    countries: Sequence[str] = (),
    harmonics: int = 4,
    adstock: str = _AUTO,
    saturation: str = _AUTO,
    reference_periods: int | None = None,
    draws: int = 600,
    rng: np.random.Generator | None = None,
) -> ResponseCurves:
    """Fit what each channel's spend does to the outcome.

    Parameters
    ----------
    frame : DataFrame of shape (n_periods, >= 3)
        One row per day or per week without gaps, in any order: `date` (first day of the period), `outcome` (any unit),
        `spend` (money, not negative), `controls` (numbers or booleans; nothing missing). The outcome of a period must
        be complete: leave out days whose orders are still coming in.
    lift_tests : sequence of LiftTest
    countries : sequence of str
        ISO codes whose public holidays and retail year (Black Friday, Christmas) count, e.g. DE, AT, CH.
    harmonics : int
        Pairs of yearly sine and cosine that stand for the season.
    adstock : {"auto", "geometric", "weibull"}
    saturation : {"auto", "hill", "logistic"}
        `auto` lets the data weigh both kinds.
    reference_periods : int, optional
        How many of the last periods say what "current" spend is; a year by default, or all if there are fewer.
    draws : int
        Draws of the posterior that intervals rest on.
    rng : numpy.random.Generator, optional
        Default seed 0.

    Returns
    -------
    ResponseCurves

    Raises
    ------
    ValueError
        If a column is missing or breaks its rule, periods are missing or repeated, there are too few of them, or a
        lift test does not fit the frame.

    Notes
    -----
    Jin, Wang, Sun, Chan and Koehler (2017), "Bayesian methods for media mix modeling with carryover and shape
    effects", Google. Sampling differs: controls and effects are integrated out (`ml/response_model.py`), so that a fit
    takes seconds. Errors may be correlated (first order) and of unequal size; what is left of both widens the interval
    of each channel by a Newey-West factor.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    data = _ordered(frame, date, [outcome, *spend, *controls])
    days = _period_days(data[date], date)
    stamps = pd.DatetimeIndex(data[date])
    y = numbers(data, outcome, "frame")
    spends = np.column_stack([numbers(data, name, "frame", minimum=0) for name in spend])
    extra = [numbers(data, name, "frame") for name in controls]
    calendar = list(holiday_columns(stamps, countries, days).values())
    highest = int(min(harmonics, YEAR / (4 * days)))
    base = np.column_stack([season_columns(stamps, days, highest), *extra, *calendar])
    base = base / np.maximum(np.linalg.norm(base, axis=0), 1e-12)
    require_choice(adstock, (_AUTO, *ADSTOCKS), "adstock")
    require_choice(saturation, (_AUTO, *SATURATIONS), "saturation")
    kinds = [
        (carry, curve)
        for carry in (ADSTOCKS if adstock == _AUTO else (adstock,))
        for curve in (SATURATIONS if saturation == _AUTO else (saturation,))
    ]
    lifts = _lifts(lift_tests, spend, stamps, days)

    # Half of the outcome because of advertising would be much: the first guess of a usual return.
    guess = 0.5 * (float(np.abs(y).mean()) or 1.0) / max(float(spends.mean(axis=0).sum()), 1e-12)
    correlation, weights = 0.0, np.ones(len(y))
    found: Draws | None = None
    inflations = np.ones(len(spend))
    for final in (False, False, True):
        whitener = Whitener(base, correlation, weights)
        degrees = len(y) - whitener.basis.shape[1]
        if degrees < 3 * len(spend) + 10:
            raise ValueError(
                f"frame has {len(y)} periods for {whitener.basis.shape[1]} controls and {len(spend)} channels: too few"
            )
        channels = [Channel(spends[:, c], whitener, kinds, lifts[c], guess, inflations[c]) for c in range(len(spend))]
        size = (draws, draws // 2) if final else (20, 20)
        found = sample(whitener(y), channels, degrees, draws=size[0], burn_in=size[1], rng=rng)
        if not final:
            plain = found.residual / weights
            correlation, weights = _errors(plain, correlation, base, days)
            inflations = np.array([_inflation(column, found.residual, degrees, days) for column in found.columns])
    assert found is not None
    evidence = evidence_of(y, spends, base, whitener, found, [bool(tests) for tests in lifts], days)
    for c, tests in enumerate(lifts):
        if tests and doubt(evidence[c], len(spend), days):
            found = cut_off_series(found, c, Channel(spends[:, c], whitener, kinds, tests, guess), rng)
    reference = min(len(y), reference_periods or round(YEAR / days))
    curves = ResponseCurves(
        channels=tuple(spend),
        spends=spends,
        first_date=stamps[0].date(),
        last_date=stamps[-1].date(),
        period_days=days,
        reference=reference,
        effects=found.effects,
        shapes=found.shapes,
        best=found.best,
        best_effects=found.best_effects,
        evidence=evidence,
        identified=(),
        verdicts=(),
        residual_correlation=correlation,
        explained_share=float(1 - found.variance * degrees / max(np.sum(whitener(y) ** 2), 1e-300)),
    )
    return verdicts(curves)


def _ordered(frame: pd.DataFrame, date: str, columns: Sequence[str]) -> pd.DataFrame:
    require_columns(frame, [date, *columns], "frame")
    if len(set(columns)) < len(columns):
        raise ValueError(f"outcome, spend and controls must be different columns; got {list(columns)}")
    if len(columns) < 2:
        raise ValueError("spend must name at least one column")
    days = pd.to_datetime(frame[date])
    if days.isna().any():
        raise ValueError(f"frame.{date}: {int(days.isna().sum())} of {len(frame)} rows have no date")
    return frame.assign(**{date: days}).sort_values(date, ignore_index=True)


def _period_days(days: pd.Series, name: str) -> int:
    if len(days) < MINIMUM_PERIODS:
        raise ValueError(f"frame has {len(days)} rows; response curves need at least {MINIMUM_PERIODS} periods")
    gaps = days.diff().dt.days.iloc[1:]
    length = int(gaps.median())
    if length not in (1, 7):
        raise ValueError(f"frame.{name}: one row per day or per week is expected; the usual step is {length} days")
    if (wrong := gaps[gaps != length]).size:
        at = days.iloc[wrong.index[0]].date()
        raise ValueError(
            f"frame.{name}: {wrong.size} of {len(days)} rows do not follow {length} day(s) after the row before, the "
            f"first on {at}; fill missing periods with 0 and sum up repeated ones"
        )
    return length


def _lifts(tests: Sequence[LiftTest], spend: Sequence[str], stamps: pd.DatetimeIndex, days: int) -> list[list[Lift]]:
    lifts: list[list[Lift]] = [[] for _ in spend]
    for test in tests:
        if test.channel not in spend:
            raise ValueError(f"lift test of {test.channel!r}: no such spend column; there are {list(spend)}")
        if not (np.isfinite(test.lift) and np.isfinite(test.standard_error) and test.standard_error > 0):
            raise ValueError(
                f"lift test of {test.channel!r}: lift {test.lift} with standard error {test.standard_error}; "
                "both must be finite and the error above 0"
            )
        start, end = pd.Timestamp(test.start), pd.Timestamp(test.end)
        ends = stamps + pd.Timedelta(days=days - 1)
        inside = np.asarray((stamps >= start) & (ends <= end))
        if not inside.any() or start < stamps[0] or end > ends[-1]:
            raise ValueError(
                f"lift test of {test.channel!r}: {test.start} to {test.end} holds no whole period of the frame, which "
                f"runs from {stamps[0].date()} to {ends[-1].date()}"
            )
        lifts[list(spend).index(test.channel)].append(Lift(inside, float(test.lift), float(test.standard_error)))
    return lifts


def _errors(residual: np.ndarray, correlation: float, base: np.ndarray, days: int) -> tuple[float, np.ndarray]:
    """Correlation of neighbouring errors, and weights that even out their size over weekdays and season."""
    plain = residual.copy()
    for i in range(1, len(plain)):  # undo the whitening of the round before
        plain[i] += correlation * plain[i - 1]
    lagged = float(plain[1:] @ plain[:-1]) / max(float(plain @ plain), 1e-300)
    small = base[:, : min(base.shape[1], 16 if days == 1 else 4)]
    logs = np.log(np.maximum(plain**2, 1e-3 * np.mean(plain**2)))
    fitted = small @ np.linalg.lstsq(small, logs, rcond=None)[0]
    weights = np.exp(-(fitted - fitted.mean()) / 2)
    return float(np.clip(lagged, 0, MOST_CORRELATION)), np.clip(weights / weights.mean(), 0.3, 3)


def _inflation(column: np.ndarray, residual: np.ndarray, degrees: int, days: int) -> float:
    """Newey-West variance of a channel's effect against that of equal, independent errors; at least 1."""
    scores = column * residual
    total = float(scores @ scores)
    lags = 14 if days == 1 else 4
    for lag in range(1, lags + 1):
        total += 2 * (1 - lag / (lags + 1)) * float(scores[lag:] @ scores[:-lag])
    usual = float(residual @ residual) / degrees * float(column @ column)
    return float(np.clip(total / max(usual, 1e-300), 1, 4))
