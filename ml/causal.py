"""Effects with and without a lottery: the estimate, and each customer's part in its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

IMBALANCE_LEVEL = 0.001
FOLDS = 5
HIGHEST_PROPENSITY = 0.99
#: Customers one fold's logistic regression learns from: more of them move no coefficient but fill the memory.
PROPENSITY_ROWS = 100_000
#: Quantile (and its mirror) beyond which a covariate counts as no further out.
TAIL = 0.99
_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class Part:
    """An effect, and what each customer adds to its error.

    Attributes
    ----------
    effect : float
    influence : ndarray of shape (n,)
        Influence of each customer on the estimate; their sum of squares is its variance.
    weights : ndarray of shape (n,)
        What each customer counts when the arms are compared.
    propensity : ndarray of shape (n,)
        Estimated chance of being mailed (the arm's share with a lottery).
    noise : ndarray of shape (n,)
        Outcome less its expectation in the customer's arm.
    overlap : float
        Share of the treated with their like among the controls.
    """

    effect: float
    influence: np.ndarray
    weights: np.ndarray
    propensity: np.ndarray
    noise: np.ndarray
    overlap: float = 1.0


def difference(y: np.ndarray, mailed: np.ndarray) -> Part:
    """Difference in means with unequal variances (Welch)."""
    means = {True: _mean(y[mailed]), False: _mean(y[~mailed])}
    noise = y - np.where(mailed, means[True], means[False])
    counts = np.where(mailed, mailed.sum(), (~mailed).sum()).astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        influence = np.where(mailed, 1, -1) * noise / np.sqrt(counts * (counts - 1))
    share = np.full(len(y), mailed.mean())
    return Part(means[True] - means[False], influence, np.ones(len(y)), share, noise)


def adjusted(x: np.ndarray, y: np.ndarray, mailed: np.ndarray) -> Part:
    """Least squares within each arm, read off at the covariates' common mean.

    Notes
    -----
    Lin (2013), "Agnostic notes on regression adjustments to experimental data", Annals of Applied Statistics 7(1).
    """
    # One customer with a hundred times the others' demand would decide the slopes: beyond the quantiles lines are flat.
    x = np.clip(x, *np.quantile(x, [1 - TAIL, TAIL], axis=0))
    spread = x.std(axis=0)
    centred = (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    levels, slopes = {}, {}
    influence, noise = np.zeros(len(y)), np.zeros(len(y))
    for arm, sign in ((mailed, 1), (~mailed, -1)):
        design = np.column_stack([np.ones(arm.sum()), centred[arm]])
        # Normal equations: at a million customers a decomposition of the design takes ten times as long.
        inverse = np.linalg.pinv(design.T @ design, hermitian=True)
        solution = inverse @ (design.T @ y[arm])
        rest = y[arm] - design @ solution
        left = max(len(rest) - np.linalg.matrix_rank(inverse, hermitian=True), 1)
        # Not the mean square alone: an arm's regression is only as good as its level at the common mean.
        influence[arm] = sign * (design @ inverse[0]) * rest * np.sqrt(len(rest) / left)
        noise[arm] = rest
        levels[sign], slopes[sign] = solution[0], solution[1:]
    influence += centred @ (slopes[1] - slopes[-1]) / len(y)
    share = np.full(len(y), mailed.mean())
    return Part(float(levels[1] - levels[-1]), influence, np.ones(len(y)), share, noise)


def doubly_robust(x: np.ndarray, y: np.ndarray, mailed: np.ndarray, seed: int) -> Part:
    """Cross-fitted augmented inverse propensity weighting of the effect on the treated.

    Notes
    -----
    Chernozhukov et al. (2018), "Double/debiased machine learning", Econometrics Journal 21(1).
    """
    folds = min(FOLDS, int(mailed.sum()), int((~mailed).sum()))
    if folds < 2:
        missing = np.full(len(y), np.nan)
        return Part(float("nan"), missing, np.ones(len(y)), missing, missing, 0.0)
    expected, propensity = np.zeros(len(y)), np.zeros(len(y))
    for fit, left_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(x, mailed):
        propensity[left_out] = _propensity(x, mailed, fit, left_out, seed)
        controls = fit[~mailed[fit]]
        level = HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=50, random_state=seed
        )
        expected[left_out] = level.fit(x[controls], y[controls]).predict(x[left_out])
    overlap = float((propensity[mailed] < HIGHEST_PROPENSITY).mean())
    odds = np.minimum(propensity, HIGHEST_PROPENSITY)
    weights = np.where(mailed, 1.0, odds / (1 - odds))
    weights[~mailed] *= mailed.sum() / max(weights[~mailed].sum(), 1e-300)
    rest = np.where(mailed, 1.0, -weights) * (y - expected)
    effect = float(rest.sum() / mailed.sum())
    return Part(
        effect, (rest - mailed * effect) / mailed.sum(), weights, propensity, y - expected - mailed * effect, overlap
    )


def _propensity(x: np.ndarray, mailed: np.ndarray, fit: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
    if len(fit) > PROPENSITY_ROWS:
        fit = np.sort(np.random.default_rng(seed).choice(fit, PROPENSITY_ROWS, replace=False))
    curve = Curve(x[fit])
    scale = StandardScaler()
    model = LogisticRegression(max_iter=2000).fit(scale.fit_transform(curve(x[fit])), mailed[fit])
    blocks = [asked[start : start + _BLOCK] for start in range(0, len(asked), _BLOCK)]
    return np.concatenate([model.predict_proba(scale.transform(curve(x[rows])))[:, 1] for rows in blocks])


class Curve:
    """Covariates with a mark for zero and bends at quantiles, so that a linear model can follow a curve.

    The bend far out, and the end beyond it, keep a straight line from running away in a long tail.
    """

    def __init__(self, x: np.ndarray, tail: float = 1.0) -> None:
        self._ends = np.quantile(x, [1 - tail, tail], axis=0)
        self._bends: list[tuple[int, bool, np.ndarray]] = []
        for index, column in enumerate(x.T):
            knots, has_zeros = np.empty(0), False
            if len(np.unique(column[:1000])) > 2 or len(np.unique(column)) > 2:
                zero = column == 0
                has_zeros = bool(zero.mean() > 0.05)
                counted = column[~zero] if has_zeros else column
                knots = np.unique(np.quantile(counted, [0.2, 0.4, 0.6, 0.8, 0.95]))
            self._bends.append((index, has_zeros, knots))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        columns = []
        x = np.clip(x, *self._ends)
        for index, has_zeros, knots in self._bends:
            column = x[:, index]
            columns.append(column)
            if has_zeros:
                columns.append((column == 0).astype(float))
            columns += [np.maximum(column - knot, 0) for knot in knots]
        return np.column_stack(columns)


def looks_randomised(x: np.ndarray, mailed: np.ndarray) -> float:
    """Probability that a lottery gives arms whose covariate means differ as much (joint chi-square); NaN if unknown."""
    if not x.shape[1] or min(mailed.sum(), (~mailed).sum()) <= x.shape[1] + 1:
        return float("nan")
    gap = x[mailed].mean(axis=0) - x[~mailed].mean(axis=0)
    spread = sum(np.atleast_2d(np.cov(x[arm].T)) / arm.sum() for arm in (mailed, ~mailed))
    scale = np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), 1.0))
    correlation = spread / np.outer(scale, scale)
    rank = int(np.linalg.matrix_rank(correlation, hermitian=True))
    gap = gap / scale
    return float(stats.chi2.sf(gap @ np.linalg.pinv(correlation, hermitian=True) @ gap, rank))


def standard_error(influence: np.ndarray, cluster: np.ndarray | None = None) -> float:
    """Root of the sum of squares, of clusters' sums where customers of a cluster depend on each other."""
    if cluster is None:
        return float(np.sqrt((influence**2).sum()))
    sums = np.bincount(cluster, influence)
    groups = int(np.count_nonzero(np.bincount(cluster)))
    scale = groups / max(groups - 1, 1) if groups < len(influence) else 1.0
    return float(np.sqrt((sums**2).sum() * scale))


def balance(names: Sequence[str], x: np.ndarray, mailed: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    """Differences of the arms' means in standard deviations of the treated, before and after weighting."""
    scale = x[mailed].std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    treated = np.average(x[mailed], axis=0, weights=weights[mailed])
    controls = np.average(x[~mailed], axis=0, weights=weights[~mailed])
    plain = (x[mailed].mean(axis=0) - x[~mailed].mean(axis=0)) / scale
    return pd.DataFrame(
        {"covariate": list(names), "difference": plain, "difference_weighted": (treated - controls) / scale}
    )


def overlap_table(propensity: np.ndarray, mailed: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    """Customers of both arms by estimated chance of being mailed, and how many controls the weights leave."""
    edges = np.array([0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, HIGHEST_PROPENSITY, 1.0])
    cell = np.clip(np.searchsorted(edges, propensity, side="right") - 1, 0, len(edges) - 2)
    counts = [np.bincount(cell[arm], minlength=len(edges) - 1) for arm in (mailed, ~mailed)]
    total = np.bincount(cell[~mailed], weights[~mailed], len(edges) - 1)
    squares = np.bincount(cell[~mailed], weights[~mailed] ** 2, len(edges) - 1)
    effective = np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)
    return pd.DataFrame(
        {
            "propensity_from": edges[:-1],
            "propensity_to": edges[1:],
            "treated": counts[0],
            "controls": counts[1],
            "controls_effective": effective,
        }
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")
