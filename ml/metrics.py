"""Statistics that more than one model needs: intervals from replicates, and control of false discoveries."""

from __future__ import annotations

import numpy as np
from scipy import special, stats


def jackknife_error(replicates: np.ndarray) -> np.ndarray:
    """Standard error from delete-one-group replicates.

    Parameters
    ----------
    replicates : ndarray of shape (n_groups, ...)
        The statistic without group g, for each of at least two groups.
    """
    groups = len(replicates)
    return np.sqrt((groups - 1) / groups * ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0))


def share_interval(
    share: np.ndarray, error: np.ndarray, quantile: float, *, is_proportion: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a share: inside (0, 1) by the delta method on its logit if it is a proportion, else symmetric.

    Parameters
    ----------
    is_proportion : bool
        Whether the true share must lie between 0 and 1. One that may be negative (of a channel that does harm, of money
        with losses) can be estimated just above 0, where an interval kept above 0 would miss it.
    """
    inside = (share > 0) & (share < 1) if is_proportion else np.zeros(share.shape, dtype=bool)
    variance = np.where(inside, share * (1 - share), 1.0)
    middle = special.logit(np.where(inside, share, 0.5))
    half = quantile * error / variance
    low, high = special.expit(middle - half), special.expit(middle + half)
    return np.where(inside, low, share - quantile * error), np.where(inside, high, share + quantile * error)


def tail_probability(observed: float, null: np.ndarray, *, enough: int = 10) -> float:
    """Share of null statistics (each a maximum) at least as large as the observed one.

    With fewer than `enough` of them the tail is read off a Gumbel distribution (that of a largest of many) with the
    null's mean and variance, since a few hundred draws cannot show the small probabilities that many comparisons ask
    for.
    """
    exceeding = int((null >= observed).sum())
    spread = null.std(ddof=1) * np.sqrt(6) / np.pi
    if exceeding >= enough or not spread > 0:
        return (exceeding + 1) / (len(null) + 1)
    return float(stats.gumbel_r.sf(observed, loc=null.mean() - np.euler_gamma * spread, scale=spread))


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values (q-values); NaN stays NaN and is not counted as a comparison.

    Notes
    -----
    Benjamini and Hochberg (1995), "Controlling the false discovery rate", JRSS B 57(1).
    """
    q_values = np.full(len(p_values), np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    if len(known):
        q_values[known] = stats.false_discovery_control(p_values[known], method="bh")
    return q_values
