"""Response curves of all channels: what their spend brought, what more or less of it would bring, how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ml.identification import DRIVEN, UNPLANNED, Evidence
from ml.response_model import Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ml.budget_allocation import Allocation

LEVEL = 0.9
MOST_DRAWS = 200
_BINS = 48  # points that stand for the spread of pressure over the reference periods
TIMINGS = ("steady", "observed")


@dataclass(frozen=True)
class ResponseCurves:
    """Fitted response of the outcome to the spend of each channel.

    Attributes
    ----------
    channels : tuple of str
    spends : ndarray of shape (n_periods, n_channels)
        As observed.
    first_date, last_date : date
        First days of the first and the last period.
    period_days : int
        1 or 7; every amount below is per period.
    reference : int
        Number of last periods that "current" means.
    effects : ndarray of shape (n_draws, n_channels)
        Outcome per period at full saturation, draws of the posterior.
    shapes : list of list of Shape, (n_draws, n_channels)
    best : list of Shape
        The most probable shapes.
    best_effects : ndarray of shape (n_channels,)
    evidence : tuple of Evidence
    identified : tuple of bool
    verdicts, reasons : tuple of str
        `supported`, `not identified` or `not enough data`, and why.
    residual_correlation : float
        Of neighbouring errors.
    explained_share : float
        Of the variance that the controls leave.
    """

    channels: tuple[str, ...]
    spends: np.ndarray
    first_date: date
    last_date: date
    period_days: int
    reference: int
    effects: np.ndarray
    shapes: list[list[Shape]]
    best: list[Shape]
    best_effects: np.ndarray
    evidence: tuple[Evidence, ...]
    identified: tuple[bool, ...]
    verdicts: tuple[str, ...]
    residual_correlation: float
    explained_share: float
    reasons: tuple[str, ...] = ()

    @property
    def current(self) -> np.ndarray:
        """Mean spend per period of each channel over the reference periods, shape (n_channels,)."""
        return self.spends[-self.reference :].mean(axis=0)

    def contributions(self) -> np.ndarray:
        """Mean outcome per reference period because of each channel, shape (n_draws, n_channels)."""
        out = np.empty_like(self.effects)
        for r, row in enumerate(self.shapes):
            for c, shape in enumerate(row):
                out[r, c] = shape.response(self.spends[:, c])[-self.reference :].mean()
        return out * self.effects

    def roas_quantiles(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Lower end, median and upper end of the return per unit of spend; NaN where nothing was spent.

        Where spend moves, or may move, with sales for another reason, all of it may be that reason: the interval then
        begins at 0.
        """
        spend = np.where(self.current > 0, self.current, np.nan)
        low, middle, high = np.quantile(self.contributions() / spend, _TAILS, axis=0)
        return np.where(self._may_be_driven, 0.0, low), middle, high

    @property
    def _may_be_driven(self) -> np.ndarray:
        if not self.reasons:
            return np.zeros(len(self.channels), dtype=bool)
        return np.array([reason in (DRIVEN, UNPLANNED) for reason in self.reasons])

    def responses(self, channel: int, spend: np.ndarray, timing: str = "steady") -> np.ndarray:
        """Mean outcome per period at other levels of spend.

        Parameters
        ----------
        channel : int
            Position in `channels`.
        spend : ndarray of shape (n_levels,)
            Mean spend per period.
        timing : {"steady", "observed"}
            The same amount every period, or spread over the periods as the reference periods were (flights and pauses
            included), all of them scaled alike.

        Returns
        -------
        ndarray of shape (min(n_draws, 200), n_levels)
        """
        rows = np.linspace(0, len(self.shapes) - 1, min(len(self.shapes), MOST_DRAWS)).astype(int)
        mean = float(self.current[channel])
        out = np.empty((len(rows), len(spend)))
        for i, r in enumerate(rows):
            shape = self.shapes[r][channel]
            if timing == "steady" or mean <= 0:
                response = shape.saturated(np.asarray(spend, dtype=float))
            else:
                pressure = shape.pressure(self.spends[:, channel])[-self.reference :]
                points = np.array([part.mean() for part in np.array_split(np.sort(pressure), _BINS)])
                weights = np.array([len(part) for part in np.array_split(pressure, _BINS)]) / len(pressure)
                response = shape.saturated(np.outer(points, np.asarray(spend) / mean)).T @ weights
            out[i] = self.effects[r, channel] * response
        return out

    def allocate(
        self,
        total: float | None = None,
        lower: Mapping[str, float] | None = None,
        upper: Mapping[str, float] | None = None,
        *,
        target_roi: float | None = None,
        step: float | None = None,
        timing: str = "steady",
    ) -> Allocation:
        """Split a budget so that the expected outcome is largest; see `ml.budget_allocation.allocate`."""
        from ml.budget_allocation import allocate

        return allocate(self, total, lower, upper, target_roi=target_roi, step=step, timing=timing)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel; amounts per period, intervals hold 90 % of the posterior."""
        contributions = self.contributions()
        low, middle, high = self.roas_quantiles()
        spread = np.quantile(contributions, _TAILS, axis=0)
        effect = np.quantile(self.effects, [_TAILS[0], _TAILS[2]], axis=0)
        rows = []
        for c, channel in enumerate(self.channels):
            shape = self.best[c]
            evidence = self.evidence[c]
            marginal = self._marginal(c)
            rows.append(
                {
                    "channel": channel,
                    "adstock_kind": shape.adstock,
                    "adstock": shape.carry_over,
                    "weibull_shape": shape.weibull_shape,
                    "saturation_kind": shape.saturation,
                    "saturation": shape.rate if shape.saturation == "logistic" else shape.half_saturation,
                    "half_saturation": shape.half_saturation,
                    "slope": shape.slope,
                    "effect": self.best_effects[c],
                    "effect_low": effect[0, c],
                    "effect_high": effect[1, c],
                    "spend": self.current[c],
                    "contribution": spread[1, c],
                    "contribution_low": 0.0 if self._may_be_driven[c] else spread[0, c],
                    "contribution_high": spread[2, c],
                    "roas": middle[c],
                    "roas_low": low[c],
                    "roas_high": high[c],
                    "marginal_roas": marginal[1],
                    "marginal_roas_low": 0.0 if self._may_be_driven[c] else marginal[0],
                    "marginal_roas_high": marginal[2],
                    "identified": self.identified[c],
                    "verdict": self.verdicts[c],
                    "reason": self.reasons[c],
                    "active_periods": evidence.active_periods,
                    "own_variation": evidence.own_variation,
                    "placebo_p": evidence.placebo_p,
                    "reverse_p": evidence.reverse_p,
                    "planned_share": evidence.planned_share,
                    "planned_p": evidence.planned_p,
                    "has_experiment": evidence.has_experiment,
                }
            )
        return pd.DataFrame(rows)

    def _marginal(self, channel: int) -> np.ndarray:
        """Quantiles of the return of the next unit of spend, timed as observed."""
        now = self.current[channel]
        if now <= 0:
            return np.full(3, np.nan)
        ends = self.responses(channel, np.array([now, now * 1.01]), "observed")
        return np.quantile((ends[:, 1] - ends[:, 0]) / (0.01 * now), _TAILS)


_TAILS = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)
