"""Whom to mail next: the uplift of each customer, learned from a holdout and judged on customers it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from ml import causal
from ml.validation import numbers, require_columns

FOLDS = 5
MINIMUM_CUSTOMERS = 500
#: Ridge penalties per customer, from hardly any to "everyone reacts alike".
_PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 1e9)
_CURVE_POINTS = 50
_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class CatalogTargets:
    """Uplift per customer, and what choosing by it is worth.

    Attributes
    ----------
    customers : DataFrame
        `uplift, uplift_low, uplift_high` (added outcome if mailed, 95 % interval), `expected_margin` (margin_share x
        uplift), `expected_profit` (less the cost), `mail` (whether it is above 0), indexed as the customers given.
    curve : DataFrame
        One row per share of customers mailed, best first, each judged by models that have not seen him: `share`,
        `uplift` (lowest expected among them), `profit, profit_low, profit_high` (per customer of the list), `added,
        added_low, added_high` (outcome per customer of the whole list), `added_at_random`.
    qini, qini_low, qini_high : float
        Area between the curve `added` and its straight line, per customer of the list; 0 if the order says nothing.
    cut_off_share : float
        Share of the customers whose expected margin exceeds the cost.
    profit_chosen, profit_all : float
        Profit per customer of the list if those are mailed, and if everyone is.
    gain, gain_low, gain_high : float
        profit_chosen less the better of mailing everyone and nobody.
    slope, slope_low, slope_high : float
        Of measured on learned uplift; 1 if differences are right on average, NaN if all are learned to react alike.
        Below 1 differences between customers are shrunk by it, below 0 to none at all.
    learner : str
    rows : int
        Customers learned from.
    verdict : str
        `supported` (choosing earns more than mailing everyone or nobody), `no clear gain` (not shown to), `not enough
        data` (fewer than 500 customers in an arm), `not identified` (no holdout).
    """

    customers: pd.DataFrame
    curve: pd.DataFrame
    qini: float
    qini_low: float
    qini_high: float
    cut_off_share: float
    profit_chosen: float
    profit_all: float
    gain: float
    gain_low: float
    gain_high: float
    slope: float
    slope_low: float
    slope_high: float
    learner: str
    rows: int
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row per customer, in the order given."""
        return self.customers


def targets(
    recipients: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    unit_cost: float,
    margin_share: float,
    covariates: Sequence[str],
    treated: object = None,
    candidates: pd.DataFrame | None = None,
    randomised: bool = True,
    cluster: str | None = None,
    strata: str | None = None,
    rng: np.random.Generator | None = None,
) -> CatalogTargets:
    """Learn each customer's uplift from a mailing with a holdout, and choose whom to mail next.

    Parameters
    ----------
    recipients : DataFrame of shape (n_customers, >= 3)
        One row per customer of a mailing, held-out ones included; customers of other arms are left out.
    outcome, arm, control, treated, unit_cost, margin_share, cluster, strata, rng
        As in `ml.catalog_effect.estimate`. All rows of a cluster are in the same fold, so that nobody is judged by a
        model that knows him from another mailing.
    covariates : sequence of str
        Known before the mailing; numbers or booleans, none missing.
    candidates : DataFrame, optional
        Customers to choose from, with the same covariates; default: the recipients, each by the models of other folds.
    randomised : bool
        False leaves the verdict at `not identified`: without a holdout nobody can say who would have bought anyway.

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind, or an arm is missing or ambiguous.

    Notes
    -----
    R-learner, Nie and Wager (2021), "Quasi-oracle estimation of heterogeneous treatment effects", Biometrika 108(2):
    what remains of the outcome is regressed on what remains of the treatment times a ridge-penalised curve of the
    covariates; the penalty is chosen inside the learning folds and includes "everyone alike". The ridge is solved here
    from the folds' sums, which costs one pass over the rows for all penalties and folds. Qini: a rank-weighted mean of
    doubly robust scores as in Yadlowsky et al. (2025), "Evaluating treatment prioritization rules via rank-weighted
    average treatment effects", JASA 120, with their standard error for a given order.
    """
    names = list(covariates)
    require_columns(recipients, [outcome, arm, *names, *(name for name in (cluster, strata) if name)], "recipients")
    found = set(recipients[arm].dropna()) - {control}
    if treated is None and len(found) != 1:
        raise ValueError(f"recipients.{arm} has {len(found)} arms beside {control!r}; name one as `treated`")
    treated = next(iter(found)) if treated is None else treated
    recipients = recipients[recipients[arm].isin([control, treated])]
    mailed = (recipients[arm] == treated).to_numpy()
    if not 0 < mailed.sum() < len(mailed):
        raise ValueError(f"recipients.{arm} has {mailed.sum()} {treated!r} and {(~mailed).sum()} {control!r} rows")
    y = numbers(recipients, outcome, "recipients")
    x = _matrix(recipients, names, "recipients")
    asked = None if candidates is None else _matrix(candidates, names, "candidates")
    groups = pd.factorize(recipients[cluster])[0] if cluster else np.arange(len(y))
    stratum = pd.factorize(recipients[strata])[0] if strata else np.zeros(len(y), dtype=int)
    rng = rng or np.random.default_rng(0)

    fold = grouped_folds(groups, rng)
    scores = _Scores.fit(x, y, mailed, stratum, fold, int(rng.integers(2**31)))
    ridge = _Ridge(x, scores, fold)
    own, _ = ridge.predict_left_out(x, fold)
    rank = _rank(own, fold, rng)
    expected, level, trust = _calibrated(own, scores.doubly_robust, fold)
    chosen = margin_share * expected > unit_cost
    gain = np.where(chosen, margin_share * scores.doubly_robust - unit_cost, 0.0)
    everyone = margin_share * scores.doubly_robust - unit_cost
    better = everyone if everyone.mean() > 0 else np.zeros(len(y))
    qini = _interval(scores.doubly_robust * (0.5 - rank), groups)
    advantage = _interval(gain - better, groups)
    uplift, error = expected, ridge.error(x)
    if asked is not None:
        raw, error = ridge.predict(asked)
        uplift = level + trust * (raw - ridge.predict(x)[0].mean())
    error = np.hypot(trust * error, causal.standard_error((scores.doubly_robust - level) / len(y), groups))
    index = recipients.index if candidates is None else candidates.index
    expected_profit = margin_share * uplift - unit_cost
    customers = pd.DataFrame(
        {
            "uplift": uplift,
            "uplift_low": uplift - 1.96 * error,
            "uplift_high": uplift + 1.96 * error,
            "expected_margin": margin_share * uplift,
            "expected_profit": expected_profit,
            "mail": expected_profit > 0,
        },
        index=index,
    )
    verdict = "supported" if advantage[1] > 0 else "no clear gain"
    if min(mailed.sum(), (~mailed).sum()) < MINIMUM_CUSTOMERS:
        verdict = "not enough data"
    return CatalogTargets(
        customers=customers,
        curve=_curve(scores.doubly_robust, expected, rank, groups, unit_cost, margin_share),
        qini=qini[0],
        qini_low=qini[1],
        qini_high=qini[2],
        cut_off_share=float(customers["mail"].mean()),
        profit_chosen=float(gain.mean()),
        profit_all=float(everyone.mean()),
        gain=advantage[0],
        gain_low=advantage[1],
        gain_high=advantage[2],
        **_slope(scores.doubly_robust, own, groups),
        learner="R-learner, ridge",
        rows=len(y),
        verdict=verdict if randomised else "not identified",
    )


@dataclass(frozen=True, slots=True)
class _Scores:
    """What is left of outcome and treatment once the covariates have explained what they can, out of fold."""

    outcome: np.ndarray
    treatment: np.ndarray
    doubly_robust: np.ndarray

    @classmethod
    def fit(
        cls, x: np.ndarray, y: np.ndarray, mailed: np.ndarray, stratum: np.ndarray, fold: np.ndarray, seed: int
    ) -> _Scores:
        counts = np.bincount(stratum)
        share = (np.bincount(stratum, mailed) / counts)[stratum]
        lots = np.column_stack([x, stratum]) if stratum.any() else x
        expected = np.zeros((2, len(y)))
        for code in range(fold.max() + 1):
            for row, arm in enumerate((mailed, ~mailed)):
                fit = (fold != code) & arm
                # Shallow and slow: demand is mostly noise, and a tree that follows it widens every interval.
                level = HistGradientBoostingRegressor(
                    max_iter=60, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=100, random_state=seed
                )
                left_out = fold == code
                expected[row, left_out] = level.fit(lots[fit], y[fit]).predict(lots[left_out])
        treated, control = expected
        residual = np.where(mailed, (y - treated) / share, -(y - control) / (1 - share))
        return cls(
            outcome=y - share * treated - (1 - share) * control,
            treatment=mailed - share,
            doubly_robust=treated - control + residual,
        )


class _Ridge:
    """Uplift as a ridge-penalised curve of the covariates; sums per fold make leaving folds out a subtraction."""

    def __init__(self, x: np.ndarray, scores: _Scores, fold: np.ndarray) -> None:
        sample = x[:: max(len(x) // 200_000, 1)]
        self._curve = causal.Curve(sample, causal.TAIL)
        self._scale = StandardScaler().fit(self._curve(sample))
        folds = fold.max() + 1
        width = len(self._scale.mean_) + 1
        self._products, self._sums = np.zeros((folds, width, width)), np.zeros((folds, width))
        self._rows = np.bincount(fold).astype(float)
        for rows in _blocks(len(x)):
            design = self._design(x[rows])
            weighted = design * scores.treatment[rows, None]
            for code in range(folds):
                here = fold[rows] == code
                self._products[code] += weighted[here].T @ weighted[here]
                self._sums[code] += weighted[here].T @ scores.outcome[rows][here]
        every = list(range(folds))
        self._penalty = self._choose(every)
        self._solution = self._solve(every, self._penalty)
        noise = np.zeros((width, width))
        for rows in _blocks(len(x)):
            weighted = self._design(x[rows]) * scores.treatment[rows, None]
            weighted *= (scores.outcome[rows] - weighted @ self._solution)[:, None]
            noise += weighted.T @ weighted
        inverse = np.linalg.pinv(self._penalised(every, self._penalty), hermitian=True)
        self._variance = inverse @ noise @ inverse

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Uplift and its standard error."""
        return np.concatenate([self._design(x[rows]) @ self._solution for rows in _blocks(len(x))]), self.error(x)

    def error(self, x: np.ndarray) -> np.ndarray:
        squares = []
        for rows in _blocks(len(x)):
            design = self._design(x[rows])
            squares.append(((design @ self._variance) * design).sum(axis=1))
        return np.sqrt(np.maximum(np.concatenate(squares), 0))

    def predict_left_out(self, x: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, list[float]]:
        """Each customer's uplift by what the other folds say, penalty included."""
        folds = range(len(self._rows))
        uplift, penalties = np.zeros(len(x)), []
        for code in folds:
            others = [other for other in folds if other != code]
            penalties.append(self._choose(others))
            solution = self._solve(others, penalties[-1])
            for rows in _blocks(len(x)):
                here = np.flatnonzero(fold[rows] == code) + rows.start
                uplift[here] = self._design(x[here]) @ solution
        return uplift, penalties

    def _design(self, x: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(x)), self._scale.transform(self._curve(x))])

    def _penalised(self, folds: Sequence[int], penalty: float) -> np.ndarray:
        products = self._products[folds].sum(axis=0)
        ridge = np.full(len(products), penalty * products[0, 0])
        ridge[0] = 0.0  # the average uplift is not shrunk
        return np.asarray(products + np.diag(ridge))

    def _solve(self, folds: Sequence[int], penalty: float) -> np.ndarray:
        return np.linalg.solve(self._penalised(folds, penalty), self._sums[folds].sum(axis=0))

    def _choose(self, folds: Sequence[int]) -> float:
        """The penalty with the least squared error on each fold by the others."""
        losses = []
        for penalty in _PENALTIES:
            loss = 0.0
            for left_out in folds:
                solution = self._solve([code for code in folds if code != left_out], penalty)
                loss += solution @ self._products[left_out] @ solution - 2 * solution @ self._sums[left_out]
            losses.append(loss)
        return _PENALTIES[int(np.argmin(losses))]


def _matrix(frame: pd.DataFrame, names: Sequence[str], what: str) -> np.ndarray:
    require_columns(frame, names, what)
    return np.column_stack([np.empty((len(frame), 0)), *(numbers(frame, name, what) for name in names)])


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def grouped_folds(groups: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fold of each row; rows of a group stay together."""
    fold = np.zeros(len(groups), dtype=int)
    seed = int(rng.integers(2**31))
    splits = GroupKFold(FOLDS, shuffle=True, random_state=seed).split(np.empty((len(groups), 1)), groups=groups)
    for code, (_, left_out) in enumerate(splits):
        fold[left_out] = code
    return fold


def _rank(uplift: np.ndarray, fold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Place of each customer in his fold, 0 = best ... 1; equal ones in random order, models' levels do not matter."""
    rank = np.zeros(len(uplift))
    for code in range(fold.max() + 1):
        here = np.flatnonzero(fold == code)
        order = np.lexsort((rng.random(len(here)), -uplift[here]))
        rank[here[order]] = (np.arange(len(here)) + 0.5) / len(here)
    return rank


def _interval(values: np.ndarray, groups: np.ndarray) -> tuple[float, float, float]:
    mean = float(values.mean())
    error = causal.standard_error((values - mean) / len(values), groups)
    return mean, mean - 1.96 * error, mean + 1.96 * error


def _curve(
    scores: np.ndarray, uplift: np.ndarray, rank: np.ndarray, groups: np.ndarray, unit_cost: float, margin_share: float
) -> pd.DataFrame:
    rows = []
    for share in np.linspace(0, 1, _CURVE_POINTS + 1):
        taken = rank <= share
        added = _interval(scores * taken, groups)
        profit = _interval((margin_share * scores - unit_cost) * taken, groups)
        least = float(np.quantile(uplift, 1 - share))
        rows.append((share, least, *profit, *added, share * float(scores.mean())))
    names = ["share", "uplift", "profit", "profit_low", "profit_high", "added", "added_low", "added_high"]
    return pd.DataFrame(rows, columns=[*names, "added_at_random"])


def _calibrated(uplift: np.ndarray, scores: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Differences between customers shrunk by what other folds measured of them; the average effect, and the factor.

    Where measured differences do not follow the expected ones at all, everyone counts as the average.
    """

    def factor(rows: np.ndarray) -> float:
        centred = uplift[rows] - uplift[rows].mean()
        squares = float(centred @ centred)
        return float(np.clip(centred @ scores[rows] / squares, 0, 1)) if squares > 0 else 0.0

    expected = np.zeros(len(uplift))
    for code in range(fold.max() + 1):
        here, others = fold == code, fold != code
        expected[here] = scores[others].mean() + factor(others) * (uplift[here] - uplift[others].mean())
    return expected, float(scores.mean()), factor(np.ones(len(fold), dtype=bool))


def _slope(scores: np.ndarray, uplift: np.ndarray, groups: np.ndarray) -> dict[str, float]:
    """Measured on expected uplift, least squares."""
    centred = uplift - uplift.mean()
    squares = float((centred**2).sum())
    if not squares > 1e-9 * len(uplift) * max(float(np.abs(uplift).mean()), 1e-12) ** 2:
        return dict.fromkeys(("slope", "slope_low", "slope_high"), float("nan"))
    slope = float(centred @ scores / squares)
    error = causal.standard_error(centred * (scores - scores.mean() - slope * centred) / squares, groups)
    return {"slope": slope, "slope_low": slope - 1.96 * error, "slope_high": slope + 1.96 * error}
