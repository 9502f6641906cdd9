"""Whether a mailing pays: what it added, with and without a holdout, and the profit that leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy import stats

from ml import causal
from ml.sensitivity import hidden_confounder
from ml.uplift import CatalogTargets, targets
from ml.validation import numbers, require_columns

__all__ = ["CatalogEffect", "CatalogTargets", "estimate", "targets"]

MINIMUM_CUSTOMERS = 50
#: Customers of both arms together with an outcome other than 0: below, the interval of a mean says little.
MINIMUM_BUYERS = 20
#: Customers of the smaller arm per covariate below which adjusting adds more noise than it removes.
CUSTOMERS_PER_COVARIATE = 50
LOWEST_OVERLAP = 0.8
SAMPLE_RATIO_LEVEL = 0.001
PLACEBO_LEVEL = 0.01
_TABLES = ("balance", "overlap_table")
_Fit: TypeAlias = Callable[[np.ndarray], causal.Part]


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
    profit_p_value : float
        Of a profit of exactly 0.
    break_even : float
        Added outcome that pays for the mailing: unit_cost / margin_share.
    matchback, matchback_profit : float
        Mean outcome of the treated arm and the profit it would mean if the mailing had caused all of it.
    matchback_overstates : float
        Part of the matchback that would have come without the mailing.
    method : str
    is_randomised : bool
    treated, controls : int
    variance_reduction : float
        Share of the plain estimate's variance that the covariates removed (0 without).
    sample_ratio_p_value : float
        Of the arms' sizes against `expected_share`; NaN without it.
    balance_p_value : float
        Of the differences between the arms' covariates, had chance chosen the arms; NaN without covariates.
    overlap : float
        Share of treated customers that have their like among the controls (1 with a holdout).
    placebo, placebo_low, placebo_high : float
        "Effect" on an outcome of before the mailing, 0 if the arms are alike; NaN without one.
    robustness : float
        Without a holdout: how much of what is left unexplained a hidden trait would have to explain, of the outcome and
        of who was mailed, to bring the nearer end of the interval to break-even; NaN with a holdout.
    hidden_strongest : str
    hidden_profit_low, hidden_profit_high : float
        Interval of the profit if a hidden trait as strong as the covariate `hidden_strongest` chose who was mailed.
    balance : DataFrame
        `covariate, difference, difference_weighted`: differences of means in standard deviations of the treated.
    overlap_table : DataFrame
        `propensity_from, propensity_to, treated, controls, controls_effective`.
    verdict : str
        `supported` (profit or loss beyond chance), `not enough data` (the interval of the profit holds 0, an arm has
        fewer than 50 customers, or fewer than 20 bought), `not identified` (no holdout, and too few controls like the
        treated or a placebo that shows an effect), `sample ratio mismatch` (the arms are not those that were planned).
    """

    effect: float
    effect_low: float
    effect_high: float
    standard_error: float
    naive: float
    profit: float
    profit_low: float
    profit_high: float
    profit_p_value: float
    break_even: float
    matchback: float
    matchback_profit: float
    matchback_overstates: float
    method: str
    is_randomised: bool
    treated: int
    controls: int
    variance_reduction: float
    sample_ratio_p_value: float
    balance_p_value: float
    overlap: float
    placebo: float
    placebo_low: float
    placebo_high: float
    robustness: float
    hidden_strongest: str
    hidden_profit_low: float
    hidden_profit_high: float
    balance: pd.DataFrame
    overlap_table: pd.DataFrame
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row: all attributes but the tables."""
        names = [field.name for field in fields(self) if field.name not in _TABLES]
        return pd.DataFrame([{name: getattr(self, name) for name in names}])


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
    placebo: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
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
    placebo : str, optional
        An outcome of after the arms were chosen and before the mailing; adjusted for the other covariates it must not
        differ. May itself be a covariate.
    cluster : str, optional
        Column of the person, where one stands in several rows (several mailings, several customer numbers).
    strata : str, optional
        Column of the lottery, where there were several (mailings with shares of their own): arms are compared within.
    rng : numpy.random.Generator, optional
        For the folds without a holdout; default seed 0.

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind, an arm is missing or ambiguous, a cost or margin is out of range.

    Notes
    -----
    With a holdout: difference in means with unequal variances, or Lin's regression adjustment. Without: cross-fitted
    augmented inverse propensity weighting of the effect on the treated. See `ml.causal`, and `ml.sensitivity` for the
    hidden trait.
    """
    columns = [outcome, arm, *covariates, *(name for name in (placebo, cluster, strata) if name)]
    require_columns(recipients, columns, "recipients")
    if not unit_cost >= 0:
        raise ValueError(f"unit_cost is {unit_cost}; expected 0 or more")
    if not 0 < margin_share <= 1:
        raise ValueError(f"margin_share is {margin_share}; expected a share above 0, at most 1")
    recipients = _two_arms(recipients, arm, control, treated)
    mailed = (recipients[arm] != control).to_numpy()
    stratum = pd.factorize(recipients[strata])[0] if strata else np.zeros(len(mailed), dtype=int)
    recipients, mailed, stratum = _complete_strata(recipients, mailed, stratum)
    clusters = pd.factorize(recipients[cluster])[0] if cluster else None
    y = numbers(recipients, outcome, "recipients")
    x = np.column_stack([np.empty((len(y), 0)), *(numbers(recipients, name, "recipients") for name in covariates)])
    varies = np.ptp(x, axis=0) > 0 if x.shape[1] else np.empty(0, dtype=bool)
    x, names = x[:, varies], [name for name, varied in zip(covariates, varies, strict=True) if varied]
    balance_p_value = _lottery_p_value(x, mailed, stratum)
    is_randomised = not balance_p_value < causal.IMBALANCE_LEVEL if randomised is None else randomised
    seed = int((rng or np.random.default_rng(0)).integers(2**31))

    plain = _stratified(stratum, mailed, lambda rows: causal.difference(y[rows], mailed[rows]))
    part, method = _best(x, y, mailed, stratum, is_randomised, seed, plain)
    error = causal.standard_error(part.influence, clusters)
    overlap = 0.0 if not (is_randomised or names) else part.overlap  # nothing known that could make the arms alike
    placebo_range = (float("nan"),) * 3
    if placebo:
        kept = [index for index, name in enumerate(names) if name != placebo]
        before = numbers(recipients, placebo, "recipients")
        was, _ = _best(x[:, kept], before, mailed, stratum, is_randomised, seed, None)
        placebo_range = _range(was.effect, causal.standard_error(was.influence, clusters))

    effect, low, high = _range(part.effect, error)
    profit, profit_low, profit_high = (margin_share * value - unit_cost for value in (effect, low, high))
    matchback = float(y[mailed].mean())
    hidden, hidden_low, hidden_high = None, float("nan"), float("nan")
    if not is_randomised and names:
        hidden = hidden_confounder(
            x, names, y, mailed, effect=effect, error=error, noise=part.noise, weights=part.weights,
            threshold=unit_cost / margin_share,
        )  # fmt: skip
        hidden_low, hidden_high = profit_low - margin_share * hidden.bias, profit_high + margin_share * hidden.bias
    return CatalogEffect(
        effect=effect,
        effect_low=low,
        effect_high=high,
        standard_error=error,
        naive=causal.difference(y, mailed).effect if not strata else plain.effect,
        profit=profit,
        profit_low=profit_low,
        profit_high=profit_high,
        profit_p_value=float(2 * stats.norm.sf(abs(profit) / (margin_share * error))) if error > 0 else float("nan"),
        break_even=unit_cost / margin_share,
        matchback=matchback,
        matchback_profit=margin_share * matchback - unit_cost,
        matchback_overstates=matchback - effect,
        method=method,
        is_randomised=is_randomised,
        treated=int(mailed.sum()),
        controls=int((~mailed).sum()),
        variance_reduction=_reduction(part, plain, clusters) if method == "regression adjustment" else 0.0,
        sample_ratio_p_value=_sample_ratio(mailed, expected_share),
        balance_p_value=balance_p_value,
        overlap=overlap,
        placebo=placebo_range[0],
        placebo_low=placebo_range[1],
        placebo_high=placebo_range[2],
        robustness=hidden.robustness_of_interval if hidden else float("nan"),
        hidden_strongest=hidden.strongest if hidden else "",
        hidden_profit_low=hidden_low,
        hidden_profit_high=hidden_high,
        balance=causal.balance(names, x, mailed, part.weights),
        overlap_table=causal.overlap_table(part.propensity, mailed, part.weights),
        verdict=_verdict(
            is_randomised=is_randomised,
            few=min(mailed.sum(), (~mailed).sum()) < MINIMUM_CUSTOMERS
            or (y != 0).sum() < MINIMUM_BUYERS
            or not error > 0,
            sample_ratio=_sample_ratio(mailed, expected_share),
            overlap=overlap,
            placebo=placebo_range,
            profit_range=(profit_low, profit_high),
        ),
    )


def _best(
    x: np.ndarray,
    y: np.ndarray,
    mailed: np.ndarray,
    stratum: np.ndarray,
    is_randomised: bool,
    seed: int,
    plain: causal.Part | None,
) -> tuple[causal.Part, str]:
    """The estimator that fits how the arms were chosen and how much is known."""
    smallest = min(mailed.sum(), (~mailed).sum()) / (stratum.max() + 1)
    if is_randomised and x.shape[1] and smallest >= CUSTOMERS_PER_COVARIATE * (x.shape[1] + 1):
        part = _stratified(stratum, mailed, lambda rows: causal.adjusted(x[rows], y[rows], mailed[rows]))
        return part, "regression adjustment"
    if not is_randomised and x.shape[1]:
        strata = (stratum[:, None] == np.arange(1, stratum.max() + 1)).astype(float)
        return causal.doubly_robust(np.column_stack([x, strata]), y, mailed, seed), "AIPW, not randomised"
    if plain is None:
        plain = _stratified(stratum, mailed, lambda rows: causal.difference(y[rows], mailed[rows]))
    return plain, "difference in means" if is_randomised else "difference in means, not randomised"


def _stratified(stratum: np.ndarray, mailed: np.ndarray, fit: _Fit) -> causal.Part:
    """Compare the arms within each stratum; a stratum counts by its treated."""
    strata = stratum.max() + 1
    if strata == 1:
        return fit(np.arange(len(mailed)))
    effect, influence = 0.0, np.zeros(len(mailed))
    weights, share, noise = np.ones(len(mailed)), np.zeros(len(mailed)), np.zeros(len(mailed))
    for code in range(strata):
        rows = np.flatnonzero(stratum == code)
        part = fit(rows)
        weight = mailed[rows].sum() / mailed.sum()
        effect += weight * part.effect
        influence[rows], share[rows], noise[rows] = weight * part.influence, part.propensity, part.noise
        odds = part.propensity[0] / (1 - part.propensity[0])
        weights[rows] = np.where(mailed[rows], 1.0, odds)
    return causal.Part(effect, influence, weights, share, noise)


def _reduction(part: causal.Part, plain: causal.Part, clusters: np.ndarray | None) -> float:
    return 1 - (causal.standard_error(part.influence, clusters) / causal.standard_error(plain.influence, clusters)) ** 2


def _range(effect: float, error: float) -> tuple[float, float, float]:
    return effect, effect - 1.96 * error, effect + 1.96 * error


def _verdict(
    *,
    is_randomised: bool,
    few: bool,
    sample_ratio: float,
    overlap: float,
    placebo: tuple[float, float, float],
    profit_range: tuple[float, float],
) -> str:
    if sample_ratio < SAMPLE_RATIO_LEVEL:
        return "sample ratio mismatch"
    placebo_error = (placebo[2] - placebo[1]) / 2 / 1.96
    differed_before = abs(placebo[0]) > -stats.norm.ppf(PLACEBO_LEVEL / 2) * placebo_error
    if overlap < LOWEST_OVERLAP or (not is_randomised and differed_before):
        return "not identified"
    return "not enough data" if few or profit_range[0] <= 0 <= profit_range[1] else "supported"


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


def _complete_strata(
    recipients: pd.DataFrame, mailed: np.ndarray, stratum: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Only strata with two customers of each arm compare anything."""
    counts = [np.bincount(stratum[arm], minlength=stratum.max() + 1) for arm in (mailed, ~mailed)]
    kept = (np.minimum(*counts) >= 2)[stratum]
    if kept.all() or not kept.any():
        return recipients, mailed, stratum if kept.all() else np.zeros_like(stratum)
    return recipients[kept], mailed[kept], pd.factorize(stratum[kept])[0]


def _lottery_p_value(x: np.ndarray, mailed: np.ndarray, stratum: np.ndarray) -> float:
    """The least of the strata's probabilities, for as many looks."""
    rows = [stratum == code for code in range(stratum.max() + 1)]
    looks = [causal.looks_randomised(x[here], mailed[here]) for here in rows]
    known = [value for value in looks if not np.isnan(value)]
    return min(1.0, min(known) * len(known)) if known else float("nan")


def _sample_ratio(mailed: np.ndarray, expected_share: float | None) -> float:
    if expected_share is None:
        return float("nan")
    return float(stats.binomtest(int(mailed.sum()), len(mailed), expected_share).pvalue)
