"""The best split of a budget on response curves, within limits, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from ml.validation import require_choice

if TYPE_CHECKING:
    from ml.response_curves import ResponseCurves

WIDEST_MOVE = 3.0  # without a limit of its own a channel gets at most this many times what it got in a usual period
_CELLS = 400
_POINTS = 61
_TAILS = (0.05, 0.5, 0.95)
MOVED, NO_CLEAR_GAIN, NOTHING_TO_MOVE, ALREADY_BEST = (
    "supported",
    "no clear gain",
    "nothing to move",
    "already the best split",
)


@dataclass(frozen=True)
class Allocation:
    """A proposed split; amounts per period.

    Attributes
    ----------
    channels : tuple of str
    current, proposed, lower, upper : ndarray of shape (n_channels,)
        Spend now, spend proposed and its limits.
    moved : ndarray of bool
        Channels whose curve is identified; the others keep their spend.
    responses : ndarray of shape (n_draws, n_channels, 2)
        Expected outcome at the current and at the proposed spend.
    total : float
        Sum of `proposed`, exactly.
    timing : str
        How spend is spread over periods, see `ResponseCurves.responses`.
    target_roi : float or None
    verdict : str
        `supported` (90 % interval of the gain above 0), `no clear gain`, `already the best split` or `nothing to move`.
    reason : str
        In words.
    """

    channels: tuple[str, ...]
    current: np.ndarray
    proposed: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    moved: np.ndarray
    responses: np.ndarray
    total: float
    timing: str
    target_roi: float | None
    verdict: str
    reason: str

    @property
    def gains(self) -> np.ndarray:
        """More outcome per period with the proposal than now, shape (n_draws,); of moved channels."""
        return (self.responses[:, :, 1] - self.responses[:, :, 0])[:, self.moved].sum(axis=1)

    @property
    def gain(self) -> float:
        """Expected gain per period."""
        return float(self.gains.mean())

    @property
    def gain_interval(self) -> tuple[float, float]:
        """Its 90 % interval."""
        low, high = np.quantile(self.gains, (_TAILS[0], _TAILS[2]))
        return float(low), float(high)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel."""
        change = self.responses[:, :, 1] - self.responses[:, :, 0]
        low, high = np.quantile(change, (_TAILS[0], _TAILS[2]), axis=0)
        return pd.DataFrame(
            {
                "channel": self.channels,
                "current_spend": self.current,
                "proposed_spend": self.proposed,
                "lower_limit": self.lower,
                "upper_limit": self.upper,
                "is_moved": self.moved,
                "current_response": self.responses[:, :, 0].mean(axis=0),
                "proposed_response": self.responses[:, :, 1].mean(axis=0),
                "gain": change.mean(axis=0),
                "gain_low": low,
                "gain_high": high,
            }
        )


def allocate(
    curves: ResponseCurves,
    total: float | None = None,
    lower: Mapping[str, float] | None = None,
    upper: Mapping[str, float] | None = None,
    *,
    target_roi: float | None = None,
    step: float | None = None,
    timing: str = "steady",
) -> Allocation:
    """Split a budget over the channels so that the expected outcome is largest.

    Parameters
    ----------
    total : float, optional
        Budget per period; what is spent now by default. Met exactly. Not allowed with `target_roi`.
    lower, upper : mapping of str to float, optional
        Limits per channel and period. Default 0, and three times what the channel got in a usual active period. A
        channel that is not identified keeps its current spend, moved into its limits if it is outside.
    target_roi : float, optional
        Instead of a budget: the largest one at which the moved channels together still bring this much per unit spent.
    step : float, optional
        Spend changes in multiples of it; what is left of the budget below one step goes to one channel.
    timing : {"steady", "observed"}
        See `ResponseCurves.responses`.

    Returns
    -------
    Allocation

    Raises
    ------
    ValueError
        If limits contradict each other or the budget, naming the channels and amounts.

    Notes
    -----
    S-shaped curves have several local optima, so the split is found by dynamic programming over small amounts, which
    cannot miss the best one, and then refined by exchanges between pairs of channels.
    """
    require_choice(timing, ("steady", "observed"), "timing")
    if total is not None and target_roi is not None:
        raise ValueError("give total or target_roi, not both")
    if step is not None and not step > 0:
        raise ValueError(f"step is {step}; it must be above 0")
    current = curves.current
    moved = np.array(curves.identified, dtype=bool)
    low, high = _limits(curves, lower or {}, upper or {}, current)
    low, high = np.where(moved, low, np.clip(current, low, high)), np.where(moved, high, np.clip(current, low, high))
    budget = float(current.sum()) if total is None else float(total)
    if target_roi is None and total is not None:
        high = _raise_default(high, low, budget, moved, upper or {}, curves.channels)
    if target_roi is None and not math.fsum(low) - 1e-9 <= budget <= math.fsum(high) + 1e-9:
        kept = {name: float(round(value, 2)) for name, value, free in zip(curves.channels, low, moved, strict=True)
                if not free}  # fmt: skip
        raise ValueError(
            f"total is {budget:g} per period, but limits allow {math.fsum(low):g} to {math.fsum(high):g}"
            + (f"; not identified, so kept: {kept}" if kept else "")
        )
    free = np.flatnonzero(moved & (high > low))
    fixed = math.fsum(np.delete(low, free))
    tops = np.minimum(high, np.maximum(budget - fixed, 0) + low) if target_roi is None else high
    values = {int(c): _Curve.of(curves, int(c), low[c], max(tops[c], low[c] + 1e-9), timing) for c in free}
    spare = None if target_roi is not None else budget - fixed - math.fsum(low[free])
    proposed = low.copy()
    if len(free):
        amounts = _best(values, low[free], high[free], spare, step, target_roi)
        proposed[free] = amounts
    if target_roi is None:
        proposed = _exact(proposed, low, high, budget)
    elif len(free):
        budget = math.fsum(proposed)
    responses = np.stack(
        [curves.responses(c, np.array([current[c], proposed[c]]), timing) for c in range(len(current))], axis=1
    )
    verdict, reason = _judge(curves, current, proposed, moved, free, responses, budget)
    return Allocation(
        curves.channels, current, proposed, low, high, moved, responses, math.fsum(proposed), timing, target_roi,
        verdict, reason,
    )  # fmt: skip


def _limits(
    curves: ResponseCurves, lower: Mapping[str, float], upper: Mapping[str, float], current: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    if unknown := sorted((set(lower) | set(upper)) - set(curves.channels)):
        raise ValueError(f"limits for unknown channels {unknown}; there are {list(curves.channels)}")
    usual = [float(column[column > 0].mean()) if (column > 0).any() else 0.0 for column in curves.spends.T]
    low = np.array([float(lower.get(name, 0.0)) for name in curves.channels])
    high = np.array(
        [
            float(upper.get(name, max(WIDEST_MOVE * usual[c], current[c], low[c])))
            for c, name in enumerate(curves.channels)
        ]
    )
    for c, name in enumerate(curves.channels):
        if not 0 <= low[c] <= high[c] < np.inf:
            raise ValueError(f"limits of {name!r}: {low[c]:g} to {high[c]:g}; need 0 <= lower <= upper < infinity")
    return low, high


def _raise_default(
    high: np.ndarray,
    low: np.ndarray,
    budget: float,
    moved: np.ndarray,
    upper: Mapping[str, float],
    channels: tuple[str, ...],
) -> np.ndarray:
    """A budget larger than the default limits allow is meant: only limits that were given bind then."""
    open_ended = np.array([name not in upper for name in channels]) & moved
    if budget <= math.fsum(high) or not open_ended.any():
        return high
    return np.where(open_ended, np.maximum(high, budget - (math.fsum(low) - low)), high)


@dataclass(frozen=True)
class _Curve:
    """Expected outcome over spend, smooth and never falling."""

    function: PchipInterpolator

    @classmethod
    def of(cls, curves: ResponseCurves, channel: int, low: float, high: float, timing: str) -> _Curve:
        spend = np.unique(np.concatenate([[low], low + (high - low) * np.linspace(0, 1, _POINTS) ** 1.5]))
        expected = curves.responses(channel, spend, timing).mean(axis=0)
        return cls(PchipInterpolator(spend, np.maximum.accumulate(expected)))

    def __call__(self, spend: np.ndarray) -> np.ndarray:
        values: np.ndarray = self.function(spend)
        return values


def _best(
    values: Mapping[int, _Curve],
    low: np.ndarray,
    high: np.ndarray,
    spare: float | None,
    step: float | None,
    target_roi: float | None,
) -> np.ndarray:
    """Amounts of the free channels; `spare` is what they get beyond their lower limits, None for a target."""
    most = math.fsum(high - low) if spare is None else spare
    if most <= 0:
        return low.copy()
    cell = step or most / _CELLS
    if spare is None and step is None:
        cell = most / (_CELLS * 2)
    cells = int(most / cell + 1e-9)
    curves = list(values.values())
    tables = []
    for curve, least, top in zip(curves, low, high, strict=True):
        rooms = min(cells, int((top - least) / cell + 1e-9))
        tables.append(curve(np.minimum(least + cell * np.arange(rooms + 1), top)))
    best, chosen = np.full(cells + 1, -np.inf), []
    best[0] = 0.0
    for table in tables:
        reached, picked = np.full(cells + 1, -np.inf), np.zeros(cells + 1, dtype=int)
        for k, value in enumerate(table):
            tried = best[: cells + 1 - k] + value
            better = tried > reached[k:]
            reached[k:][better] = tried[better]
            picked[k:][better] = k
        best = reached
        chosen.append(picked)
    at = int(np.flatnonzero(np.isfinite(best)).max())
    if target_roi is not None:
        spent = math.fsum(low) + cell * np.arange(cells + 1)
        enough = np.flatnonzero((best >= target_roi * spent) & (spent > 0))
        if not len(enough):
            raise ValueError(
                f"target_roi {target_roi:g} is out of reach: the moved channels bring at most "
                f"{np.max(best[spent > 0] / spent[spent > 0]):.3g} per unit spent"
            )
        at = int(enough.max())
    units, left = [], at
    for picked in reversed(chosen):
        units.append(picked[left])
        left -= picked[left]
    amounts = np.minimum(low + cell * np.array(units[::-1]), high)
    rest = (spare if spare is not None else at * cell) - math.fsum(amounts - low)
    if step is None:
        amounts = _exchange(curves, _spread(amounts, high, rest), low, high, cell)
    elif rest > 0:
        amounts = _crumb(curves, amounts, high, rest)
    return amounts


def _spread(amounts: np.ndarray, high: np.ndarray, rest: float) -> np.ndarray:
    amounts = amounts.copy()
    for c in np.argsort(-(high - amounts)):
        add = min(rest, high[c] - amounts[c])
        amounts[c] += add
        rest -= add
    return amounts


def _crumb(curves: list[_Curve], amounts: np.ndarray, high: np.ndarray, rest: float) -> np.ndarray:
    """What is left below one step goes where it brings most, or is spread where no channel has room for it."""
    gains = [
        float(curve(amount + rest) - curve(amount)) if amount + rest <= top + 1e-9 else -np.inf
        for curve, amount, top in zip(curves, amounts, high, strict=True)
    ]
    if max(gains) == -np.inf:
        return _spread(amounts, high, rest)
    return amounts + rest * (np.arange(len(amounts)) == int(np.argmax(gains)))


def _exchange(curves: list[_Curve], amounts: np.ndarray, low: np.ndarray, high: np.ndarray, size: float) -> np.ndarray:
    """Move ever smaller amounts from one channel to another while that pays."""
    amounts = amounts.copy()
    while size > 1e-7 * max(math.fsum(amounts), 1e-9):
        now = np.array([float(curve(a)) for curve, a in zip(curves, amounts, strict=True)])
        more = np.array([float(f(min(a + size, h))) - v if a + size <= h else -np.inf
                         for f, a, h, v in zip(curves, amounts, high, now, strict=True)])  # fmt: skip
        less = np.array([v - float(f(max(a - size, b))) if a - size >= b else np.inf
                         for f, a, b, v in zip(curves, amounts, low, now, strict=True)])  # fmt: skip
        gains = more[:, None] - less[None, :]
        np.fill_diagonal(gains, -np.inf)
        to, source = np.unravel_index(int(np.argmax(gains)), gains.shape)
        if gains[to, source] > 1e-12 * max(float(now.sum()), 1e-9):
            amounts[to] += size
            amounts[source] -= size
        else:
            size /= 2
    return amounts


def _exact(proposed: np.ndarray, low: np.ndarray, high: np.ndarray, budget: float) -> np.ndarray:
    """Floating-point crumbs go where there is room, so that the sum is the budget to the last bit."""
    proposed = np.clip(proposed, low, high)
    for _ in range(4):
        rest = budget - math.fsum(proposed)
        if rest == 0:
            break
        room = high - proposed if rest > 0 else proposed - low
        at = int(np.argmax(room))
        proposed[at] = min(max(proposed[at] + rest, low[at]), high[at])
    return proposed


def _judge(
    curves: ResponseCurves,
    current: np.ndarray,
    proposed: np.ndarray,
    moved: np.ndarray,
    free: np.ndarray,
    responses: np.ndarray,
    budget: float,
) -> tuple[str, str]:
    kept = [name for name, is_moved in zip(curves.channels, moved, strict=True) if not is_moved]
    words = f"; not identified and kept: {', '.join(kept)}" if kept else ""
    same_budget = math.isclose(budget, math.fsum(current), rel_tol=1e-9)
    if not len(free):
        return NOTHING_TO_MOVE, ("no channel has an identified curve and room to move" + words)
    if len(free) == 1 and same_budget and np.allclose(proposed, current, rtol=1e-6, atol=1e-9):
        return NOTHING_TO_MOVE, (
            f"only {curves.channels[free[0]]} has an identified curve and room: with the same budget there is nothing "
            "to exchange" + words
        )
    if np.abs(proposed - current).sum() / 2 <= 0.005 * max(math.fsum(current), 1e-9):
        return ALREADY_BEST, "the current split is within 0.5 % of the best one" + words
    gains = (responses[:, :, 1] - responses[:, :, 0])[:, moved].sum(axis=1)
    low, high = np.quantile(gains, (_TAILS[0], _TAILS[2]))
    verdict = MOVED if low > 0 or (high < 0 and not same_budget) else NO_CLEAR_GAIN
    return verdict, ("90 % interval of the change excludes 0" if verdict == MOVED else "90 % interval holds 0") + words
