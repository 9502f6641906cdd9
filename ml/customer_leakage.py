"""What gives a score away that knows the answer: features from the future, or that are the answer, bad judging."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

#: A feature that alone ranks this well is the answer under another name.
SUSPICIOUS_AUC = 0.98
#: A value that is always followed by the target, seen so often, is no coincidence.
SUSPICIOUS_HITS = 30
SUSPICIOUS_PURITY = 0.99
#: What shuffled labels may seem to be worth.
SHUFFLED = 0.02
CHANCE_ERRORS = 4.5


class LeakageError(ValueError):
    """The features hold what was only known later."""


def require_past(frame: pd.DataFrame, time: str) -> None:
    """Raise if a datetime column holds a moment after the cut-off.

    Raises
    ------
    LeakageError
        Naming the column, the rows and the first offender.
    """
    for name in frame.select_dtypes(include=["datetime", "datetimetz"]).columns:
        if name == time:
            continue
        if (late := frame[name] > frame[time]).any():
            first = frame[late].iloc[0]
            raise LeakageError(
                f"frame.{name}: {late.sum()} of {len(frame)} rows are later than the cut-off {time}, "
                f"the first {first[name]} > {first[time]}: the feature was not known yet"
            )


def require_plain_features(x: pd.DataFrame, y: np.ndarray) -> None:
    """Raise if a feature alone, or one value of it, tells the answer.

    Parameters
    ----------
    x : DataFrame
        Numbers (NaN: unknown) and texts.
    y : ndarray of 0 and 1

    Raises
    ------
    LeakageError
        Naming the feature.
    """
    remedy = "take it out, or take it as of the cut-off"
    for name in x.columns:
        column = x[name]
        if column.dtype.kind == "f":
            values = column.to_numpy()
            known = np.where(np.isnan(values), np.nanmin(values, initial=0.0) - 1, values)
            ranks = [known, np.isnan(values).astype(float)]
        else:
            # rare values say little of themselves, and a value per row would say everything
            shares = (
                pd.Series(y).groupby(column).transform(lambda part: (part.sum() + y.mean() * 30) / (len(part) + 30))
            )
            ranks = [shares.to_numpy()]
        for rank in ranks:
            area = roc_auc_score(y, rank)
            if max(area, 1 - area) >= SUSPICIOUS_AUC:
                raise LeakageError(f"frame.{name} alone has an AUC of {max(area, 1 - area):.3f}: {remedy}")
        if column.nunique() <= 50 and y.mean() < 0.5:
            by_value = pd.Series(y).groupby(column, dropna=False).agg(["sum", "mean"])
            pure = by_value[(by_value["sum"] >= SUSPICIOUS_HITS) & (by_value["mean"] >= SUSPICIOUS_PURITY)]
            if len(pure):
                raise LeakageError(
                    f"frame.{name} = {pure.index[0]} is followed by the target in {pure['mean'].iloc[0]:.1%} of the "
                    f"cases: {remedy}"
                )


def require_shuffled(
    judge: Callable[[np.ndarray], np.ndarray],
    y: np.ndarray,
    judged: np.ndarray,
    shuffles: int,
    rng: np.random.Generator,
) -> float:
    """Mean AUC on shuffled labels.

    Parameters
    ----------
    judge : callable
        Labels of all rows -> predictions of the judged ones, by the procedure that judges the real labels.
    judged : ndarray of int
        Rows that are predicted.

    Raises
    ------
    LeakageError
        If it is further from .5 than .02 and what chance allows: a run every morning must not stop by bad luck.
    """
    areas = []
    for _ in range(shuffles):
        labels = rng.permutation(y)
        areas.append(float(roc_auc_score(labels[judged], judge(labels))))
    mean = float(np.mean(areas))
    positives = y[judged].sum()
    negatives = len(judged) - positives
    chance = np.sqrt((positives + negatives + 1) / (12 * positives * negatives * shuffles))
    if abs(mean - 0.5) > max(SHUFFLED, CHANCE_ERRORS * chance):
        raise LeakageError(
            f"shuffled labels are predicted with an AUC of {mean:.3f}; .5 is what knows nothing: "
            "the validation sees what it should predict"
        )
    return mean
