"""Whether probabilities come true: scores by tenths beside what happened."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ml.metrics import share_interval

BINS = 10


def calibration_table(predicted: np.ndarray, answer: np.ndarray) -> pd.DataFrame:
    """Tenths of the rows by their predicted probability, with what came true.

    Parameters
    ----------
    predicted, answer : ndarray of shape (n,)
        Probabilities, and 0 or 1.

    Returns
    -------
    DataFrame
        `bin, rows, predicted, observed, observed_low, observed_high` (95 % intervals).
    """
    parts = [part for part in np.array_split(np.argsort(predicted, kind="stable"), BINS) if len(part)]
    rows = np.array([len(part) for part in parts])
    hits = np.array([answer[part].sum() for part in parts])
    # one case more of either kind: a bin without positives is not one that can have none
    share = (hits + 0.5) / (rows + 1)
    low, high = share_interval(share, np.sqrt(share * (1 - share) / rows), 1.96)
    return pd.DataFrame(
        {
            "bin": np.arange(1, len(parts) + 1),
            "rows": rows,
            "predicted": [float(predicted[part].mean()) for part in parts],
            "observed": hits / rows,
            "observed_low": low,
            "observed_high": high,
        }
    )


def bin_interval(bins: pd.DataFrame, score: pd.Series | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interval of what scores like these turned out to be: that of their bin, stretched to hold the score.

    Parameters
    ----------
    bins : DataFrame
        `predicted, observed_low, observed_high`, in order of `predicted`; empty: nothing is known, 0 to 1.
    score : array of shape (n,)
    """
    values = np.asarray(score, dtype=float)
    if not len(bins):
        return np.zeros(len(values)), np.ones(len(values))
    middle = bins["predicted"].to_numpy(dtype=float)
    place = np.searchsorted((middle[1:] + middle[:-1]) / 2, values)
    low, high = (bins[name].to_numpy(dtype=float)[place] for name in ("observed_low", "observed_high"))
    return np.minimum(low, values), np.maximum(high, values)
