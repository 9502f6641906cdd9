"""Who looks for a brand and who for a price: a mixture of kinds of searchers, learnt from searches and filters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from ml.validation import numbers, require_columns

SIGNALS = ("price", "brand", "other")
SEGMENTS = ("price_sensitive", "brand_loyal", "neutral")
#: A person belongs to a segment from this posterior probability on.
CERTAIN = 0.8
MINIMUM_PERSONS = 100
#: Pseudo-counts that keep a share off 0: one person without a brand search is no proof that its kind never does.
_PRIOR = 2.0


@dataclass(frozen=True, slots=True)
class Tastes:
    """Kinds of searchers and who is which.

    Attributes
    ----------
    shares : ndarray of shape (3,)
        Of all persons, in the order of `SEGMENTS`.
    signals : ndarray of shape (3, 3)
        Share of price, brand and other signals of each segment.
    posterior : ndarray of shape (n_persons, 3)
    segment : ndarray of str, shape (n_persons,)
        The segment whose posterior is at least .8, else `undecided`.
    gain : float
        Drop of the BIC against one kind only; positive means that kinds differ.
    verdict : str
        `supported`, `not identified` (one kind explains the signals as well, or the kinds do not differ in what gives
        them their name), `not enough data` (fewer than 100 persons with two signals).
    """

    shares: np.ndarray
    signals: np.ndarray
    posterior: np.ndarray
    segment: np.ndarray
    gain: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row per segment: `segment, share, price, brand, other`."""
        return pd.DataFrame(
            {"segment": SEGMENTS, "share": self.shares} | dict(zip(SIGNALS, self.signals.T, strict=True))
        )


def fit_tastes(signals: pd.DataFrame) -> Tastes:
    """Fit a mixture of three multinomials by expectation-maximisation.

    Parameters
    ----------
    signals : DataFrame of shape (n_persons, >= 3)
        Counts per person: `price`, `brand`, `other`.

    Raises
    ------
    ValueError
        If a column is missing or is no count.

    Notes
    -----
    The classes are found without labels, and are named after what they do more than the others. A person's answer is
    the posterior, so somebody who searched once is seldom put into a segment.
    """
    require_columns(signals, SIGNALS, "signals")
    counts = np.column_stack([numbers(signals, name, "signals", minimum=0) for name in SIGNALS])
    if (odd := counts != np.round(counts)).any():
        raise ValueError(f"signals: {odd.any(axis=1).sum()} of {len(counts)} rows hold fractions; expected counts")
    distinct, row, persons = np.unique(counts, axis=0, return_inverse=True, return_counts=True)
    shares, kinds, likelihood = _mixture(distinct, persons)
    posterior = _posterior(distinct, shares, kinds)[row.reshape(-1)]
    one = counts.sum(axis=0) / max(counts.sum(), 1)
    alone = float((counts.sum(axis=0) * np.log(np.maximum(one, 1e-12))).sum())
    gain = 2 * (likelihood - alone) - 6 * np.log(len(counts))
    stand_out = kinds[0, 0] > 1.5 * one[0] and kinds[1, 1] > 1.5 * one[1]
    if (counts.sum(axis=1) >= 2).sum() < MINIMUM_PERSONS:
        verdict = "not enough data"
    else:
        verdict = "supported" if gain > 0 and stand_out else "not identified"
    best = posterior.argmax(axis=1)
    sure = posterior[np.arange(len(best)), best] >= CERTAIN
    segment = np.where(sure & (verdict == "supported"), np.array(SEGMENTS)[best], "undecided")
    return Tastes(shares, kinds, posterior, segment, float(gain), verdict)


def _posterior(counts: np.ndarray, shares: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    logs = np.log(shares) + counts @ np.log(kinds).T
    return np.exp(logs - special.logsumexp(logs, axis=1, keepdims=True))


def _mixture(counts: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shares of the kinds, their signals, and the log-likelihood; started where each kind has its name from."""
    overall = np.maximum((counts * persons[:, None]).sum(axis=0), 1)
    overall = overall / overall.sum()
    kinds = np.array([overall * [4, 1, 1], overall * [1, 4, 1], overall * [0.5, 0.5, 2]])
    kinds /= kinds.sum(axis=1, keepdims=True)
    shares = np.array([0.25, 0.25, 0.5])
    last = -np.inf
    for _ in range(500):
        weights = _posterior(counts, shares, kinds) * persons[:, None]
        shares = (weights.sum(axis=0) + 1) / (persons.sum() + 3)
        kinds = weights.T @ counts + _PRIOR * overall
        kinds /= kinds.sum(axis=1, keepdims=True)
        likelihood = float((special.logsumexp(np.log(shares) + counts @ np.log(kinds).T, axis=1) * persons).sum())
        if likelihood - last < 1e-8 * abs(likelihood):
            break
        last = likelihood
    return shares, kinds, likelihood
