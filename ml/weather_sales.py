"""What the weather does to sales: a line with one turn, after weekday, trend and season, and a verdict.

Any daily series can take the place of either side. Usage over all categories and variables at once:

    screening = screen(
        frame, date="sale_date", y="units", by=("category", "region"),
        x=("temperature_max_celsius", "precipitation_mm", "sunshine_minutes"),
        controls=("is_holiday",), rng=numpy.random.default_rng(7),
    )
    screening.to_frame()   # one row per category, region and variable
    screening.curves()     # the fitted lines with their bands
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ml.hinge import Fits, Shape, block_weights, held_out_gain, orthonormal, shifted, weighted_fits
from ml.metrics import benjamini_hochberg, tail_probability
from ml.validation import numbers, require_columns
from ml.weather_effect import CURVE_COLUMNS, Screening, WeatherEffect

MINIMUM_DAYS = 90
TURN_LEVEL = 0.05
HARMONICS = 3
REPLICATES = 200
BLOCK_DAYS = 14
FOLDS = 10
MOST_SHIFTS = 600
CURVE_POINTS = 41
YEAR = 365.25


def fit(
    frame: pd.DataFrame,
    *,
    date: str,
    x: str,
    y: str,
    controls: Sequence[str] = (),
    max_lag: int = 3,
    harmonics: int = HARMONICS,
    replicates: int = REPLICATES,
    rng: np.random.Generator | None = None,
    keys: Mapping[str, object] | None = None,
) -> WeatherEffect:
    """Fit one pair of daily series.

    Parameters
    ----------
    frame : DataFrame of shape (n_days, >= 3)
        One row per day, in any order; `date` (day), `x` and `y` (numbers; rows where one is missing are dropped and
        counted), `controls` (numbers or booleans, e.g. holidays and promotions; none missing; `x` is not its own).
        For an x of two values (a holiday) no turn is looked for: the slope is their difference per unit.
    max_lag : int
        Lags of 0 .. max_lag days are tried.
    harmonics : int
        Pairs of yearly sine and cosine that stand for the season; 0 leaves the season in.
    replicates : int
        Draws of the block bootstrap.
    rng : numpy.random.Generator, optional
        For the bootstrap (default seed 0).
    keys : mapping, optional
        Carried into the result.

    Returns
    -------
    WeatherEffect
        Its verdict is `too little data` when fewer than 90 days remain or x hardly varies.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, or a day comes twice.

    Notes
    -----
    Weekday, linear trend, season and controls are projected out of both sides. The statistic is the largest share of
    the rest that a line with one turn explains over all thresholds and lags (sup-F); its null distribution is that
    statistic on circular shifts of y's rest, which keep its autocorrelation and break its tie to x (Hansen 1996 for the
    search, Harris 2020, arXiv:2012.06862, for shifts of time series). Intervals: block bootstrap of days.
    """
    rng = rng or np.random.default_rng(0)
    series = _align(frame, date, x, y, [name for name in controls if name != x], max_lag)
    basis = orthonormal(_controls(series.day, series.controls, harmonics))
    rest = series.y - basis @ (basis.T @ series.y)
    shapes = [Shape.of(lagged, basis) for lagged in series.x.T]
    counts = {"days": len(rest), "days_dropped": len(frame) - len(rest)}
    about: dict[str, Any] = {"correlation": _pearson(frame, x, y), "keys": dict(keys or {}), **counts}
    too_few = len(rest) < max(MINIMUM_DAYS, basis.shape[1] + 30) or not all(shape.varies for shape in shapes)
    if too_few or np.linalg.norm(rest) <= 1e-9 * np.linalg.norm(series.y):
        return WeatherEffect.nothing(x, y, **about)

    shifts = _shifts(len(rest), rng)
    lag, p_value = _any_effect(rest, shapes, basis, shifts)
    shape = shapes[lag]
    turn_p_value = _turn(rest, shape, basis, shifts)
    turn = turn_p_value <= TURN_LEVEL

    weights = np.vstack([np.ones(len(rest)), block_weights(len(rest), BLOCK_DAYS, replicates, rng)])
    fits = weighted_fits(shape.x, series.y, basis, shape.grid, weights, turn=turn)
    threshold, threshold_low, threshold_high = _interval(fits.threshold)
    below, below_low, below_high = _interval(fits.slope)
    above, above_low, above_high = _interval(fits.slope + fits.change)
    return WeatherEffect(
        variable=x,
        outcome=y,
        lag_days=lag,
        threshold=threshold,
        threshold_low=threshold_low,
        threshold_high=threshold_high,
        slope_below=below,
        slope_below_low=below_low,
        slope_below_high=below_high,
        slope_above=above,
        slope_above_low=above_low,
        slope_above_high=above_high,
        p_value=p_value,
        turn_p_value=turn_p_value,
        q_value=p_value,
        days_beyond=int((shape.x > threshold).sum()),
        days_below=int((shape.x < threshold).sum()),
        out_of_time_gain=held_out_gain(shape.x, series.y, basis, shape.grid, turn=turn, folds=FOLDS),
        curve=_curve(shape.x, series.y, fits, weights),
        **about,
    )


def screen(
    frame: pd.DataFrame,
    *,
    date: str,
    x: Sequence[str],
    y: str,
    by: Sequence[str] = (),
    controls: Sequence[str] = (),
    max_lag: int = 3,
    harmonics: int = HARMONICS,
    replicates: int = REPLICATES,
    rng: np.random.Generator | None = None,
) -> Screening:
    """Fit every group with every variable and control the false discoveries among all of them.

    Parameters
    ----------
    frame : DataFrame
        One row per day and group.
    x : sequence of str
        Variables; one that is missing for a whole group gives `too little data` there.
    by : sequence of str
        Columns that make a group, e.g. category and region.
    date, y, controls, max_lag, harmonics, replicates, rng
        As in `fit`.

    Raises
    ------
    ValueError
        As `fit`.
    """
    require_columns(frame, [date, *x, y, *by, *controls], "frame")
    rng = rng or np.random.default_rng(0)
    groups: list[tuple[dict[str, Any], pd.DataFrame]] = [({}, frame)]
    if by:
        groups = [({name: group[name].iloc[0] for name in by}, group) for _, group in frame.groupby(list(by))]
    shared: dict[str, Any] = {"date": date, "y": y, "controls": controls, "max_lag": max_lag}
    sizes: dict[str, Any] = {"harmonics": harmonics, "replicates": replicates}
    effects = [
        fit(group, x=variable, keys=keys, rng=own, **shared, **sizes)
        for keys, group in groups
        for variable, own in zip(x, rng.spawn(len(x)), strict=True)
    ]
    q_values = benjamini_hochberg(np.array([effect.p_value for effect in effects]))
    return Screening(tuple(replace(effect, q_value=float(q)) for effect, q in zip(effects, q_values, strict=True)))


@dataclass(frozen=True, slots=True)
class _Series:
    day: pd.DatetimeIndex
    x: np.ndarray  # (n_days, max_lag + 1)
    y: np.ndarray
    controls: np.ndarray


def _align(frame: pd.DataFrame, date: str, x: str, y: str, controls: Sequence[str], max_lag: int) -> _Series:
    """Days in order with x at every lag, by calendar (a gap in the days does not shorten a lag)."""
    require_columns(frame, [date, x, y, *controls], "frame")
    if max_lag < 0:
        raise ValueError(f"max_lag is {max_lag}; expected 0 or more days")
    day = pd.DatetimeIndex(pd.to_datetime(frame[date])).normalize()
    if lost := int(np.isnat(day.to_numpy()).sum()):
        raise ValueError(f"frame.{date}: {lost} of {len(day)} rows have no day")
    if twice := int(day.duplicated().sum()):
        raise ValueError(f"frame.{date}: {twice} of {len(day)} rows repeat a day; expected one row per day")
    weather = pd.Series(numbers(frame, x, "frame", allow_missing=True), index=day)
    sales = numbers(frame, y, "frame", allow_missing=True)
    others = np.column_stack([np.empty((len(day), 0)), *(numbers(frame, name, "frame") for name in controls)])
    lags = np.column_stack([weather.reindex(day - pd.Timedelta(days=lag)).to_numpy() for lag in range(max_lag + 1)])
    order = np.argsort(day)
    known = order[(~np.isnan(lags).any(axis=1) & ~np.isnan(sales))[order]]
    return _Series(day[known], lags[known], sales[known], others[known])


def _controls(day: pd.DatetimeIndex, others: np.ndarray, harmonics: int) -> np.ndarray:
    """Intercept, weekdays, trend, season and the caller's own, shape (n_days, n_controls)."""
    if not len(day):
        return np.empty((0, 0))
    elapsed = (day - day[0]).days.to_numpy(dtype=float)
    weekdays = np.asarray(day.day_of_week)[:, None] == np.arange(1, 7)
    scale = np.maximum(np.abs(others).max(axis=0, initial=0), 1e-300)
    angle = 2 * np.pi * elapsed / YEAR
    season = [wave(k * angle) for k in range(1, harmonics + 1) for wave in (np.sin, np.cos)]
    trend = elapsed / max(elapsed[-1], 1)
    return np.column_stack([np.ones(len(day)), weekdays, trend, *season, others / scale])


def _pearson(frame: pd.DataFrame, x: str, y: str) -> float:
    pair = [numbers(frame, name, "frame", allow_missing=True) for name in (x, y)]
    known = ~np.isnan(pair).any(axis=0)
    a, b = (column[known] - column[known].mean() if known.any() else column[known] for column in pair)
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else float("nan")


def _shifts(days: int, rng: np.random.Generator) -> np.ndarray:
    """Shifts of the null, none so short that the series would still meet itself."""
    apart = min(30, days // 10)
    shifts = np.arange(apart, days - apart + 1)
    return shifts if len(shifts) <= MOST_SHIFTS else np.sort(rng.choice(shifts, MOST_SHIFTS, replace=False))


def _any_effect(rest: np.ndarray, shapes: Sequence[Shape], basis: np.ndarray, shifts: np.ndarray) -> tuple[int, float]:
    """Best lag, and p-value of the largest share explained over lags and thresholds."""
    both = np.column_stack([rest / np.linalg.norm(rest), shifted(rest, basis, shifts)])
    best = np.array([line + turns.max(axis=0, initial=0.0) for line, turns in (shape.gains(both) for shape in shapes)])
    return int(best[:, 0].argmax()), tail_probability(best[:, 0].max(), best[:, 1:].max(axis=0))


def _turn(rest: np.ndarray, shape: Shape, basis: np.ndarray, shifts: np.ndarray) -> float:
    """p-value of the best turn, given the line; NaN where none can be tried."""
    if not len(shape.grid):
        return float("nan")
    straight = rest - shape.line * (shape.line @ rest)
    with_line = np.column_stack([basis, shape.line])
    both = np.column_stack([straight / np.linalg.norm(straight), shifted(straight, with_line, shifts)])
    best = shape.gains(both)[1].max(axis=0)
    return tail_probability(best[0], best[1:])


def _interval(values: np.ndarray) -> tuple[float, float, float]:
    """Estimate (the first value) and the 95 % range of the others."""
    if np.isnan(values[0]) or len(values) == 1:
        return float(values[0]), float("nan"), float("nan")
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return float(values[0]), float(low), float(high)


def _curve(x: np.ndarray, y: np.ndarray, fits: Fits, weights: np.ndarray) -> pd.DataFrame:
    at = np.linspace(x.min(), x.max(), CURVE_POINTS)
    threshold = np.where(np.isnan(fits.threshold), np.inf, fits.threshold)[:, None]
    share = weights / weights.sum(axis=1, keepdims=True)

    def line(points: np.ndarray) -> np.ndarray:
        return fits.slope[:, None] * points + fits.change[:, None] * np.maximum(points - threshold, 0)

    centre = share @ y - (share * line(x)).sum(axis=1)
    drawn = centre[:, None] + line(at)
    low, high = np.percentile(drawn[1:], [2.5, 97.5], axis=0) if len(drawn) > 1 else (drawn[0] * np.nan,) * 2
    return pd.DataFrame(dict(zip(CURVE_COLUMNS, (at, drawn[0], low, high), strict=True)))
