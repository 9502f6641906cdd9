"""Whether a mailing pays: what it added, with and without a holdout, and the profit that leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ml.validation import numbers, require_columns

MINIMUM_CUSTOMERS = 50
IMBALANCE_LEVEL = 0.001
FOLDS = 5
HIGHEST_PROPENSITY = 0.99
LOWEST_OVERLAP = 0.8


@dataclass(frozen=True, slots=True)
class CatalogEffect:
    """Increment per customer of the treated arm, all channels together.

    Attributes
    ----------
    effect, effect_low, effect_high : float
        Added outcome per mailed customer, with 95 % interval: of the intention to treat with a holdout, of the treated
        (ATT) without.
    standard_error : float
    naive : float
        Difference of the arms' means, for comparison.
    profit, profit_low, profit_high : float
        margin_share x effect - unit_cost, per mailed customer.
    break_even : float
        Added outcome that pays for the mailing: unit_cost / margin_share.
    matchback, matchback_profit : float
        Mean outcome of the treated arm and the profit it would mean if the mailing had caused all of it.
    method : str
    is_randomised : bool
    treated, controls : int
    variance_reduction : float
        Share of the plain estimate's variance that the covariates removed (0 without).
    sample_ratio_p_value : float
        Of the arms' sizes against `expected_share`; NaN without it.
    overlap : float
        Share of treated customers that have their like among the controls (1 with a holdout).
    balance : DataFrame
        `covariate, difference, difference_weighted`: differences of means in standard deviations of the treated.
    verdict : str
        `supported` (profit or loss beyond chance), `not enough data` (the interval of the profit holds 0, or an arm has
        fewer than 50 customers), `not identified` (no holdout and too few controls like the treated).
    """

    effect: float
    effect_low: float
    effect_high: float
    standard_error: float
    naive: float
    profit: float
    profit_low: float
    profit_high: float
    break_even: float
    matchback: float
    matchback_profit: float
    method: str
    is_randomised: bool
    treated: int
    controls: int
    variance_reduction: float
    sample_ratio_p_value: float
    overlap: float
    balance: pd.DataFrame
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row: all attributes but the balance table."""
        return pd.DataFrame([{name: getattr(self, name) for name in self.__slots__ if name != "balance"}])


def estimate(
    recipients: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    control: object,
    unit_cost: float,
    margin_share: float,
    treated: object = None,
    covariates: Sequence[str] = (),
    randomised: bool | None = None,
    expected_share: float | None = None,
    rng: np.random.Generator | None = None,
) -> CatalogEffect:
    """Estimate what an arm adds to the control arm.

    Parameters
    ----------
    recipients : DataFrame of shape (n_customers, >= 2)
        One row per customer, mailed or not; customers of other arms are left out.
    outcome : str
        Demand after the mailing, all channels, in money (0 for those who bought nothing).
    arm : str
        Column of the arm.
    control, treated : object
        Values of `arm` to compare; `treated` may be left out if there is only one other. A follow-up's own increment is
        treated='catalog_followup', control='catalog', at the follow-up's own cost.
    unit_cost : float
        Of one mailing, in the money of the outcome.
    margin_share : float
        Contribution margin per unit of outcome, 0 .. 1.
    covariates : sequence of str
        Known before the mailing; numbers or booleans, none missing. With a holdout they narrow the interval (regression
        adjustment within arms), without they are what makes arms comparable.
    randomised : bool, optional
        Whether chance chose the arms. None: believed unless the covariates differ by more than chance would ever allow.
    expected_share : float, optional
        Share of the treated among both arms that was planned, for the sample-ratio check.
    rng : numpy.random.Generator, optional
        For the folds without a holdout; default seed 0.

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind, an arm is missing or ambiguous, a cost or margin is out of range.

    Notes
    -----
    With a holdout: difference in means with unequal variances, or Lin (2013), "Agnostic notes on regression
    adjustments", Annals of Applied Statistics 7(1). Without: cross-fitted augmented inverse propensity weighting of the
    effect on the treated, Chernozhukov et al. (2018), "Double/debiased machine learning", Econometrics Journal 21(1).
    """
    require_columns(recipients, (outcome, arm, *covariates), "recipients")
    if not unit_cost >= 0:
        raise ValueError(f"unit_cost is {unit_cost}; expected 0 or more")
    if not 0 < margin_share <= 1:
        raise ValueError(f"margin_share is {margin_share}; expected a share above 0, at most 1")
    recipients = _two_arms(recipients, arm, control, treated)
    y = numbers(recipients, outcome, "recipients")
    x = np.column_stack([np.empty((len(y), 0)), *(numbers(recipients, name, "recipients") for name in covariates)])
    x = x[:, np.ptp(x, axis=0) > 0] if len(covariates) else x
    names = [name for name in covariates if recipients[name].nunique() > 1]
    mailed = (recipients[arm] != control).to_numpy()
    is_randomised = _looks_randomised(x, mailed) if randomised is None else randomised

    naive, plain_error = _difference(y, mailed)
    overlap, weights, reduction = 1.0, np.ones(len(y)), 0.0
    if not is_randomised and x.shape[1]:
        method = "AIPW, not randomised"
        effect, error, weights, overlap = _doubly_robust(x, y, mailed, rng or np.random.default_rng(0))
    elif is_randomised and x.shape[1]:
        method = "regression adjustment"
        effect, error = _adjusted(x, y, mailed)
        reduction = 1 - (error / plain_error) ** 2
    else:
        method = "difference in means" if is_randomised else "difference in means, not randomised"
        effect, error = naive, plain_error
        overlap = 1.0 if is_randomised else 0.0  # nothing known that could make the arms alike

    low, high = effect - 1.96 * error, effect + 1.96 * error
    profit, profit_low, profit_high = (margin_share * value - unit_cost for value in (effect, low, high))
    matchback = float(y[mailed].mean())
    few = min(mailed.sum(), (~mailed).sum()) < MINIMUM_CUSTOMERS or not error > 0
    verdict = "not enough data" if few or profit_low <= 0 <= profit_high else "supported"
    return CatalogEffect(
        effect=effect,
        effect_low=low,
        effect_high=high,
        standard_error=error,
        naive=naive,
        profit=profit,
        profit_low=profit_low,
        profit_high=profit_high,
        break_even=unit_cost / margin_share,
        matchback=matchback,
        matchback_profit=margin_share * matchback - unit_cost,
        method=method,
        is_randomised=is_randomised,
        treated=int(mailed.sum()),
        controls=int((~mailed).sum()),
        variance_reduction=reduction,
        sample_ratio_p_value=_sample_ratio(mailed, expected_share),
        overlap=overlap,
        balance=_balance(names, x, mailed, weights),
        verdict="not identified" if overlap < LOWEST_OVERLAP else verdict,
    )


def _two_arms(recipients: pd.DataFrame, arm: str, control: object, treated: object) -> pd.DataFrame:
    found = set(recipients[arm].dropna())
    others = found - {control}
    names = f"{len(recipients)} rows; it has {sorted(map(str, found))}"
    if control not in found:
        raise ValueError(f"recipients.{arm} has no {control!r} in {names}")
    if treated is None and len(others) != 1:
        raise ValueError(f"recipients.{arm} has {len(others)} other arms in {names}; name one as `treated`")
    treated = next(iter(others)) if treated is None else treated
    if treated not in others:
        raise ValueError(f"recipients.{arm} has no {treated!r} beside {control!r} in {names}")
    return recipients[recipients[arm].isin([control, treated])]


def _difference(y: np.ndarray, mailed: np.ndarray) -> tuple[float, float]:
    arms = y[mailed], y[~mailed]
    variance = sum(values.var(ddof=1) / len(values) if len(values) > 1 else np.nan for values in arms)
    return float(arms[0].mean() - arms[1].mean()), float(np.sqrt(variance))


def _adjusted(x: np.ndarray, y: np.ndarray, mailed: np.ndarray) -> tuple[float, float]:
    """Least squares within each arm, read off at the covariates' common mean."""
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    levels, slopes, variance = [], [], 0.0
    for arm in (mailed, ~mailed):
        design = np.column_stack([np.ones(arm.sum()), centred[arm]])
        solution, _, rank, _ = np.linalg.lstsq(design, y[arm], rcond=None)
        rest = y[arm] - design @ solution
        left = max(len(rest) - int(rank), 1)
        # not the mean square alone: an arm's regression is only as good as its level at the common mean
        spread = np.linalg.pinv(design.T @ design) @ design.T * rest * np.sqrt(len(rest) / left)
        variance += float((spread[0] ** 2).sum())
        levels.append(solution[0])
        slopes.append(solution[1:])
    return float(levels[0] - levels[1]), float(np.sqrt(variance + (centred @ (slopes[0] - slopes[1])).var() / len(y)))


def _doubly_robust(
    x: np.ndarray, y: np.ndarray, mailed: np.ndarray, rng: np.random.Generator
) -> tuple[float, float, np.ndarray, float]:
    """Effect on the treated, its standard error, weights of the customers, share of the treated with overlap."""
    bent = _bent(x)
    folds = min(FOLDS, int(mailed.sum()), int((~mailed).sum()))
    if folds < 2:
        return float("nan"), float("nan"), np.ones(len(y)), 0.0
    seed = int(rng.integers(2**31))
    expected, propensity = np.zeros(len(y)), np.zeros(len(y))
    for fit, left_out in StratifiedKFold(folds, shuffle=True, random_state=seed).split(bent, mailed):
        chance = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(bent[fit], mailed[fit])
        propensity[left_out] = chance.predict_proba(bent[left_out])[:, 1]
        controls = fit[~mailed[fit]]
        level = HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=50, random_state=seed
        )
        expected[left_out] = level.fit(bent[controls], y[controls]).predict(bent[left_out])
    overlap = float((propensity[mailed] < HIGHEST_PROPENSITY).mean())
    odds = np.minimum(propensity, HIGHEST_PROPENSITY)
    weights = np.where(mailed, 1.0, odds / (1 - odds))
    weights[~mailed] *= mailed.sum() / max(weights[~mailed].sum(), 1e-300)
    rest = np.where(mailed, 1.0, -weights) * (y - expected)
    effect = rest.sum() / mailed.sum()
    error = np.sqrt(((rest - mailed * effect) ** 2).sum()) / mailed.sum()
    return float(effect), float(error), weights, overlap


def _bent(x: np.ndarray) -> np.ndarray:
    """Covariates with a mark for zero and bends at quantiles, so that a linear model can follow a curve.

    The bend far out keeps the logistic line from running to certainty in a long tail.
    """
    columns = []
    for column in x.T:
        columns.append(column)
        if len(np.unique(column)) > 2:
            zero = column == 0
            counted = column[~zero] if zero.mean() > 0.05 else column
            if zero.mean() > 0.05:
                columns.append(zero.astype(float))
            knots = np.unique(np.quantile(counted, [0.2, 0.4, 0.6, 0.8, 0.95]))
            columns += [np.maximum(column - knot, 0) for knot in knots]
    return np.column_stack(columns)


def _looks_randomised(x: np.ndarray, mailed: np.ndarray) -> bool:
    """Whether the arms' covariate means differ by no more than chance (joint chi-square)."""
    if not x.shape[1] or min(mailed.sum(), (~mailed).sum()) <= x.shape[1] + 1:
        return True
    gap = x[mailed].mean(axis=0) - x[~mailed].mean(axis=0)
    spread = sum(np.atleast_2d(np.cov(x[arm].T)) / arm.sum() for arm in (mailed, ~mailed))
    return bool(stats.chi2.sf(gap @ np.linalg.pinv(spread) @ gap, x.shape[1]) >= IMBALANCE_LEVEL)


def _sample_ratio(mailed: np.ndarray, expected_share: float | None) -> float:
    if expected_share is None:
        return float("nan")
    return float(stats.binomtest(int(mailed.sum()), len(mailed), expected_share).pvalue)


def _balance(names: Sequence[str], x: np.ndarray, mailed: np.ndarray, weights: np.ndarray) -> pd.DataFrame:
    scale = x[mailed].std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    plain = (x[mailed].mean(axis=0) - x[~mailed].mean(axis=0)) / scale
    weighted = (x[mailed].mean(axis=0) - np.average(x[~mailed], axis=0, weights=weights[~mailed])) / scale
    return pd.DataFrame({"covariate": list(names), "difference": plain, "difference_weighted": weighted})
