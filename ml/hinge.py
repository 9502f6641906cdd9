"""A line with one turn after controls: search, null distribution, bootstrap, held-out gain. All in matrices.

Every function works on `n` days in time order. With controls projected out, the turn's own gain is the squared
correlation with one unit vector per candidate threshold, so that a whole null distribution is one matrix product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

EDGE_DAYS = 5  # a candidate threshold has at least as many days on either side
MOST_CANDIDATES = 200


def candidates(x: np.ndarray) -> np.ndarray:
    """Thresholds to try: round numbers in steps of 1, 2, 2.5 or 5 times a power of ten, none nearer to the ends than
    `EDGE_DAYS` days. Empty if x varies too little."""
    ordered = np.sort(x)
    if len(x) <= 2 * EDGE_DAYS:
        return np.empty(0)
    low, high = ordered[EDGE_DAYS], ordered[-EDGE_DAYS - 1]
    if not high > low:
        return np.empty(0)
    exact = (high - low) / MOST_CANDIDATES
    power = 10.0 ** np.floor(np.log10(exact))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= exact)
    grid = np.round(np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step, 12 - int(np.log10(max(step, 1))))
    below, above = np.searchsorted(ordered, grid, "left"), len(x) - np.searchsorted(ordered, grid, "right")
    return grid[(below >= EDGE_DAYS) & (above >= EDGE_DAYS)]


def orthonormal(controls: np.ndarray) -> np.ndarray:
    """Basis of the columns of shape (n_days, rank); columns that others already explain are left out."""
    if not len(controls):
        return controls
    basis, triangle, _ = linalg.qr(controls, mode="economic", pivoting=True)
    size = np.abs(np.diag(triangle))
    return basis[:, : len(size)][:, size > 1e-8 * size[0]]


@dataclass(frozen=True, slots=True)
class Shape:
    """One x seen through the controls: unit vectors of its line and of each candidate turn beside that line.

    Attributes
    ----------
    x : ndarray of shape (n_days,)
    grid : ndarray of shape (n_candidates,)
    line : ndarray of shape (n_days,)
    turns : ndarray of shape (n_days, n_candidates)
    """

    x: np.ndarray
    grid: np.ndarray
    line: np.ndarray
    turns: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, basis: np.ndarray) -> Shape:
        grid = candidates(x)
        line = x - basis @ (basis.T @ x)
        size = float(np.linalg.norm(line))
        # What the controls already say is left as rounding noise; scaled up it would look like a series.
        line = line / size if size > 1e-8 * np.linalg.norm(x) else np.zeros(len(x))
        hinges = np.maximum(x[:, None] - grid, 0)
        hinges -= basis @ (basis.T @ hinges)
        hinges -= line[:, None] * (line @ hinges)
        sizes = np.linalg.norm(hinges, axis=0)
        usable = sizes > 1e-8 * max(float(np.linalg.norm(x)), 1e-300)
        return cls(x, grid[usable], line, hinges[:, usable] / sizes[usable])

    @property
    def varies(self) -> bool:
        """Whether there is something to fit: a turn to try or, of a series of two values, `EDGE_DAYS` days of each."""
        values, days = np.unique(self.x, return_counts=True)
        return len(self.grid) > 0 or (len(values) == 2 and days.min() >= EDGE_DAYS and bool(self.line.any()))

    def gains(self, rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squares of `rest` (n, m) explained by the line, shape (m,), and beside it by each turn, (n_candidates, m)."""
        return (self.line @ rest) ** 2, (self.turns.T @ rest) ** 2


def shifted(rest: np.ndarray, basis: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Circularly shifted copies with the controls projected out again and the sum of squares set to 1, shape (n, m)."""
    days = np.arange(len(rest))
    copies = rest[(days[:, None] - shifts) % len(rest)]
    copies -= basis @ (basis.T @ copies)
    return copies / np.maximum(np.linalg.norm(copies, axis=0), 1e-300)


def block_weights(days: int, block: int, replicates: int, rng: np.random.Generator) -> np.ndarray:
    """How often each day is drawn when blocks of consecutive days are drawn circularly, shape (replicates, n_days)."""
    blocks = -(-days // block)
    starts = rng.integers(0, days, (replicates, blocks))
    drawn = ((starts[:, :, None] + np.arange(block)) % days).reshape(replicates, -1)[:, :days]
    flat = drawn + days * np.arange(replicates)[:, None]
    return np.bincount(flat.ravel(), minlength=replicates * days).reshape(replicates, days).astype(float)


@dataclass(frozen=True, slots=True)
class Fits:
    """Weighted fits, one per row of weights.

    Attributes
    ----------
    threshold, slope, change : ndarray of shape (n_fits,)
        Slope below the threshold, and what it changes by there; without a turn the threshold is NaN and the change 0.
    """

    threshold: np.ndarray
    slope: np.ndarray
    change: np.ndarray


def weighted_fits(
    x: np.ndarray, y: np.ndarray, basis: np.ndarray, grid: np.ndarray, weights: np.ndarray, *, turn: bool
) -> Fits:
    """Least squares of y on basis, x and its best hinge, for each row of `weights` (n_fits, n_days)."""
    hinges = np.maximum(x[:, None] - grid, 0) if turn else np.empty((len(x), 0))
    width, columns = basis.shape[1], np.column_stack([x, y, hinges])
    everything = np.column_stack([basis, columns])
    out = Fits(*(np.zeros(len(weights)) for _ in range(3)))
    ridge = 1e-9 * np.eye(width)  # a fold may lack a weekday or a holiday altogether
    hinge_squares = weights @ hinges**2
    for i, weight in enumerate(weights):
        crossed = (basis * weight[:, None]).T @ everything
        solved = linalg.solve(crossed[:, :width] + ridge * weight.mean(), crossed[:, width:], assume_a="pos")
        left = columns[:, :2] - basis @ solved[:, :2]  # x and y without controls
        rest = (left * weight[:, None]).T @ left
        if rest[0, 0] <= 1e-12 * (weight @ x**2):
            out.threshold[i] = np.nan
            continue
        slope, change, best = rest[0, 1] / rest[0, 0], 0.0, -1
        if turn:
            with_hinges = (left * weight[:, None]).T @ hinges
            own = hinge_squares[i] - np.einsum("ij,ij->j", crossed[:, width + 2 :], solved[:, 2:])
            beside = own - with_hinges[0] ** 2 / rest[0, 0]
            moment = with_hinges[1] - with_hinges[0] * slope
            gain = np.where(beside > 1e-9 * np.maximum(own, 1e-300), moment**2 / np.maximum(beside, 1e-300), -1.0)
            best = int(np.argmax(gain))
            if gain[best] >= 0:
                change = moment[best] / beside[best]
                slope -= change * with_hinges[0, best] / rest[0, 0]
        out.threshold[i] = grid[best] if best >= 0 else np.nan
        out.slope[i], out.change[i] = slope, change
    return out


def held_out_gain(
    x: np.ndarray, y: np.ndarray, basis: np.ndarray, grid: np.ndarray, *, turn: bool, folds: int
) -> float:
    """Share of the squares left by the controls that x explains on days whose outcome its slopes have not seen.

    Each of `folds` stretches of consecutive days is predicted with the threshold and the slopes of the days outside it.
    Controls are those of all days, for x and y alike: a season that is drawn beyond the stretch it was learned from
    misses by more, on a year or two of days, than weather moves sales.
    """
    fold = np.arange(len(x)) * folds // len(x)
    fits = weighted_fits(x, y, basis, grid, (fold != np.arange(folds)[:, None]).astype(float), turn=turn)
    turns = np.where(np.isnan(fits.threshold), 0, np.maximum(x[:, None] - fits.threshold, 0))  # (n_days, folds)
    series = np.column_stack([y, x, turns])
    series -= basis @ (basis.T @ series)
    plain = series[:, 0]
    full = plain - fits.slope[fold] * series[:, 1] - fits.change[fold] * series[np.arange(len(x)), 2 + fold]
    return float(1 - (full @ full) / max(plain @ plain, 1e-300))
