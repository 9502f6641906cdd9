"""Scan daily counts of many series for the range of days in which a share fell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

#: Lengths of ranges, in days, that are tried; the dates of the best one are then searched day by day.
LENGTHS = (3, 4, 5, 7, 10, 14, 19, 26, 35, 45, 60)
#: Longer ones are tried only up to the last day: what fell and never recovered.
OPEN_LENGTHS = (75, 90, 120, 150, 180)
WEEK = 7
#: As for every score of the index: fewer visits say nothing.
MIN_VISITS = 30
#: Log likelihood ratio that the days before, and those after, have to show each for itself (two standard errors).
PLAIN = 2.0
#: Weeks at which a series' own dispersion counts as much as that of its group.
POOLED_WEEKS = 52
#: Part of the highest bound from which on pairs are judged first.
LIKELY = 0.8
#: Pairs whose bounds are worked out at a time: larger temporary arrays cost more memory traffic than arithmetic.
BLOCK = 2**13

#: Sums inside, before and after ranges.
Sums = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Ranges:
    """Candidate ranges of days: `first` to `last` of each, and the days before and after that it is held against."""

    first: np.ndarray
    last: np.ndarray
    days: int
    reach: int

    @classmethod
    def tried(cls, days: int, reach: int) -> Ranges:
        """Return ranges of all lengths; starts of longer ones a seventh of their length apart."""
        pairs = [
            (start, start + length - 1)
            for length in LENGTHS
            for start in range((days - length) % max(1, length // WEEK), days - length + 1, max(1, length // WEEK))
        ]
        pairs += [(days - length, days - 1) for length in OPEN_LENGTHS if length < days]
        first, last = np.array(pairs).T
        return cls(first, last, days, reach)

    @classmethod
    def around(cls, first: int, last: int, days: int, reach: int) -> Ranges:
        """Return every range whose ends lie up to half a length (at least 3 days) off the given ones."""
        slack = max(3, (last - first + 1) // 2)
        starts = np.arange(max(0, first - slack), min(days, first + slack + 1))
        ends = np.arange(max(0, last - slack), min(days, last + slack + 1))
        first_days, last_days = (grid.ravel() for grid in np.meshgrid(starts, ends))
        kept = last_days - first_days >= LENGTHS[0] - 1
        return cls(first_days[kept], last_days[kept], days, reach)

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """First day of each range, the day after its last one, the first day before and the day after in reach."""
        end = self.last + 1
        return self.first, end, np.maximum(self.first - self.reach, 0), np.minimum(end + self.reach, self.days)

    def sums(self, counts: np.ndarray) -> Sums:
        """Sum inside, before and after each range; `counts` of shape (..., n_days)."""
        total = np.zeros((*counts.shape[:-1], self.days + 1))
        np.cumsum(counts, axis=-1, out=total[..., 1:])
        start, end, before, after = (total[..., days] for days in self.bounds)
        return end - start, start - before, after - end


def fall(visits: np.ndarray, progressed: np.ndarray, ranges: Ranges, min_drop: float) -> np.ndarray:
    """Log likelihood ratio of a fall inside each range against the days around it; 0 where there is none.

    Parameters
    ----------
    visits, progressed : ndarray of shape (n_series, n_days)
    min_drop : float
        A range counts only if its share lies at least this part, and plainly, below that of the days before, and below
        that of the days after where there are any: a low that a lasting rise ended was no fall.

    Returns
    -------
    ndarray of shape (n_series, n_ranges)

    Notes
    -----
    The scan statistic of Kulldorff (1997), Bernoulli model, in time; the days outside are only those within reach, so
    that a season is not mistaken for a fall.
    """
    return _judge(ranges.sums(visits), ranges.sums(progressed), min_drop)


class Scan:
    """The clearest fall of all series and ranges, for many draws of who progressed among the same visits.

    Parameters
    ----------
    visits : ndarray of shape (n_series, n_days)
    ranges : Ranges
    min_drop : float
        As for `fall`.
    """

    def __init__(self, visits: np.ndarray, ranges: Ranges, min_drop: float) -> None:
        self._ranges, self._min_drop = ranges, min_drop
        # Ranges lie along the first axis, so that the sums of a day are rows that are copied whole.
        self._visits = tuple(part.T.copy() for part in ranges.sums(visits))
        n, before, after = self._visits
        judged = (n >= MIN_VISITS) & (before >= MIN_VISITS)
        around = np.where(judged, before + after, 1.0)
        self._whole = n + around
        self._part = n / self._whole
        self._weight = np.where(judged, self._whole**3 / np.where(judged, n * around, 1.0), 0.0)
        self._bound = np.empty(n.shape)

    def highest(self, progressed: np.ndarray) -> float:
        """Return `fall(visits, progressed, ranges, min_drop).max()` for whole numbers of shape (n_series, n_days).

        A log likelihood ratio of two shares against one is at most their chi-square statistic, which costs no
        logarithm, so that only the few pairs of series and range that may hold the maximum are judged.
        """
        total = np.zeros((self._ranges.days + 1, len(progressed)))
        np.cumsum(progressed.T, axis=0, out=total[1:])
        first, end, before, after = self._ranges.bounds
        step = max(1, BLOCK // len(progressed))
        for start in range(0, len(first), step):
            rows = slice(start, start + step)
            inside = total[end[rows]] - total[first[rows]]
            whole = total[after[rows]] - total[before[rows]]
            missing = np.maximum(whole * self._part[rows] - inside, 0.0)
            spread = np.maximum(whole * (self._whole[rows] - whole), 1.0)
            np.divide(missing * missing * self._weight[rows], spread, out=self._bound[rows])
        likely = self._best(total, LIKELY * self._bound.max())
        return max(likely, self._best(total, likely))

    def _best(self, total: np.ndarray, limit: float) -> float:
        """Highest score of the pairs whose bound is above a limit."""
        at, series = np.unravel_index(np.flatnonzero(self._bound > limit), self._bound.shape)
        start, end, before, after = (total[days[at], series] for days in self._ranges.bounds)
        visits = tuple(part[at, series] for part in self._visits)
        return float(_judge(visits, (end - start, start - before, after - end), self._min_drop).max(initial=0.0))


def _judge(visits: Sums, progressed: Sums, min_drop: float) -> np.ndarray:
    """Scores of ranges from what is inside, before and after each."""
    (n, n_before, n_after), (k, k_before, k_after) = visits, progressed
    kept = 1.0 - min_drop
    falls = (
        (n >= MIN_VISITS)
        & (n_before >= MIN_VISITS)
        & (k * n_before <= kept * k_before * n)
        & ((n_after < MIN_VISITS) | (k * n_after <= kept * k_after * n))
    )
    result = np.zeros(n.shape)
    inside, before, after = (n[falls], k[falls]), (n_before[falls], k_before[falls]), (n_after[falls], k_after[falls])
    whole = _ratio(inside, (before[0] + after[0], before[1] + after[1]))
    plain = _ratio(inside, before) >= PLAIN
    plain &= (after[0] < MIN_VISITS) | (_ratio(inside, after) >= PLAIN)
    result[falls] = np.where(plain, np.maximum(whole, 0), 0)
    return result


def _ratio(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Log likelihood ratio of two shares against one; each side as visits and progressed visits."""
    return _likelihood(*one) + _likelihood(*other) - _likelihood(one[0] + other[0], one[1] + other[1])


def _likelihood(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Maximised log likelihood of k successes of n."""
    missed = np.maximum(n - k, 0.0)
    likelihood: np.ndarray = special.xlogy(k, k) + special.xlogy(missed, missed) - special.xlogy(n, n)
    return likelihood


def dispersion(visits: np.ndarray, progressed: np.ndarray, groups: np.ndarray, ranges: Ranges) -> np.ndarray:
    """How much more the share varies from one span of days to the next than counts of independent visits would.

    Parameters
    ----------
    visits, progressed : ndarray of shape (n_series, n_days)
    groups : ndarray of shape (n_series,)
        Series of one group lend each other strength: the median of a year of weeks alone is off by a third.

    Returns
    -------
    ndarray of shape (n_series, n_ranges)
        At least 1. What weeks say of a series holds up to a week. How much more four weeks say, all series together
        (an incident disperses one phase only), holds from there on, and in between goes as the logarithm of the length:
        campaigns come in waves, so that long spans differ more than short ones tell.
    """
    typical = special.chdtri(1, 0.5)
    squares = _squares(visits, progressed, WEEK)
    week = np.ones(len(visits))
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        if np.isnan(squares[members]).all():
            continue
        pooled = max(np.nanmedian(squares[members]) / typical, 1.0)
        for series in members:
            known = squares[series][~np.isnan(squares[series])]
            own = max(np.median(known) / typical, 1.0) if len(known) else pooled
            trust = len(known) / (len(known) + POOLED_WEEKS)
            week[series] = own**trust * pooled ** (1 - trust)
    months = _squares(visits, progressed, 4 * WEEK)
    ratio = 1.0 if np.isnan(months).all() else max(np.nanmedian(months / typical / week[:, None]), 1.0)
    share = np.clip(np.log((ranges.last - ranges.first + 1) / WEEK) / np.log(4), 0, 1)
    return week[:, None] * (1 + share * (ratio - 1))


def _squares(visits: np.ndarray, progressed: np.ndarray, span: int) -> np.ndarray:
    """Squared standardised differences of spans of days that follow each other; NaN where nothing is known.

    An incident moves only the differences at its ends, a slow drift hardly any.
    """
    spans = visits.shape[1] // span
    n = visits[:, -spans * span :].reshape(len(visits), spans, span).sum(axis=2)
    k = progressed[:, -spans * span :].reshape(len(visits), spans, span).sum(axis=2)
    pairs_n, pairs_k = n[:, 1:] + n[:, :-1], k[:, 1:] + k[:, :-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = pairs_k / pairs_n
        noise = share * (1 - share) * (1 / n[:, 1:] + 1 / n[:, :-1])
        squares = (k[:, 1:] / n[:, 1:] - k[:, :-1] / n[:, :-1]) ** 2 / noise
    return np.where(np.isfinite(squares), squares, np.nan)


def local_share(visits: np.ndarray, progressed: np.ndarray, reach: int) -> np.ndarray:
    """Share of the days within reach of each day; of all days where there were no visits.

    Parameters
    ----------
    visits, progressed : ndarray of shape (..., n_days)
    """
    days = visits.shape[-1]
    near = np.arange(days)
    first, last = np.maximum(near - reach, 0), np.minimum(near + reach + 1, days)
    sums = []
    for counts in (visits, progressed):
        total = np.concatenate([np.zeros((*counts.shape[:-1], 1)), counts.cumsum(axis=-1)], axis=-1)
        sums.append(total[..., last] - total[..., first])
    known = np.maximum(visits.sum(axis=-1, keepdims=True), 1.0)
    overall = progressed.sum(axis=-1, keepdims=True) / known
    return np.clip(np.where(sums[0] > 0, sums[1] / np.maximum(sums[0], 1.0), overall), 0.0, 1.0)
