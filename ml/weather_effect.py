"""What is said about one pair of weather and sales, and about all pairs of a screening."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
import pandas as pd

from ml.weather_sentences import sentence

LEVEL = 0.02  # shifts of a year of autocorrelated days give p-values about half as large as they should be
MINIMUM_DAYS_BEYOND = 20
CURVE_COLUMNS = ("x", "y_fitted", "y_low", "y_high")


@dataclass(frozen=True, slots=True)
class WeatherEffect:
    """One pair of series.

    Attributes
    ----------
    keys : mapping
        What the pair is about, e.g. category and region.
    variable, outcome : str
        Columns x and y.
    lag_days : int
        Days from x to y, the best of those tried; the p-value knows that it was searched for.
    threshold, threshold_low, threshold_high : float
        Where the slope turns, in units of x, with 95 % interval; NaN where no turn is found.
    slope_below, slope_above (and _low, _high) : float
        Change of y per unit of x; equal where no turn is found.
    correlation : float
        Pearson's, of the raw series at lag 0: what one would see without looking closer.
    p_value, turn_p_value : float
        Of any effect, and of the turn given the line (NaN for a series of two values), by circular shifts.
    q_value : float
        p-value after Benjamini-Hochberg over all pairs of a screening; the p-value itself for a single fit.
    days, days_dropped : int
        Days used, and days left out because x (at some lag) or y is missing. Nothing is imputed.
    days_beyond, days_below : int
        Days above and below the threshold (0 without one).
    out_of_time_gain : float
        Share of what the controls leave unexplained that x explains on stretches of days held out.
    curve : DataFrame
        `x, y_fitted, y_low, y_high`: y at average controls, with the 95 % band.
    """

    variable: str
    outcome: str
    lag_days: int
    threshold: float
    threshold_low: float
    threshold_high: float
    slope_below: float
    slope_below_low: float
    slope_below_high: float
    slope_above: float
    slope_above_low: float
    slope_above_high: float
    correlation: float
    p_value: float
    turn_p_value: float
    q_value: float
    days: int
    days_dropped: int
    days_beyond: int
    days_below: int
    out_of_time_gain: float
    curve: pd.DataFrame
    keys: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def nothing(
        cls,
        variable: str,
        outcome: str,
        *,
        correlation: float,
        days: int,
        days_dropped: int,
        keys: Mapping[str, object],
    ) -> WeatherEffect:
        """The answer where there is too little to fit: no number at all."""
        counts = {"days": days, "days_dropped": days_dropped, "lag_days": 0, "days_beyond": 0, "days_below": 0}
        known = {"variable": variable, "outcome": outcome, "correlation": correlation, **counts}
        unknown = {item.name: float("nan") for item in fields(cls) if item.type == "float" and item.name not in known}
        curve = pd.DataFrame({name: pd.Series(dtype=float) for name in CURVE_COLUMNS})
        return cls(**{**known, **unknown, "keys": keys, "curve": curve})  # type: ignore[arg-type]

    @property
    def lag(self) -> int:
        return self.lag_days

    @property
    def has_turn(self) -> bool:
        return not np.isnan(self.threshold)

    @property
    def verdict(self) -> str:
        """`supported`, `season only` (nothing left beyond weekday, trend and season) or `too little data`."""
        if np.isnan(self.p_value):
            return "too little data"
        if not self.q_value <= LEVEL:
            return "season only"
        if self.has_turn and min(self.days_beyond, self.days_below) < MINIMUM_DAYS_BEYOND:
            return "too little data"
        return "supported" if self.out_of_time_gain > 0 else "season only"

    @property
    def sentence_de(self) -> str:
        return sentence(self, "de")

    @property
    def sentence_en(self) -> str:
        return sentence(self, "en")

    def to_frame(self) -> pd.DataFrame:
        """One row: keys, then all attributes but the curve, then verdict and sentences."""
        names = [item.name for item in fields(self) if item.name not in ("keys", "curve")]
        row = {**self.keys, **{name: getattr(self, name) for name in names}}
        return pd.DataFrame(
            [{**row, "verdict": self.verdict, "sentence_de": self.sentence_de, "sentence_en": self.sentence_en}]
        )


@dataclass(frozen=True, slots=True)
class Screening:
    """All pairs of a screening, q-values across them."""

    effects: tuple[WeatherEffect, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row per pair."""
        return pd.concat([effect.to_frame() for effect in self.effects], ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """One row per pair and point of its curve: keys, `variable, lag_days, x, y_fitted, y_low, y_high`."""
        curves = []
        for effect in self.effects:
            about = {**effect.keys, "variable": effect.variable, "lag_days": effect.lag_days}
            curves.append(pd.concat([pd.DataFrame(about, index=effect.curve.index), effect.curve], axis=1))
        return pd.concat(curves, ignore_index=True)
