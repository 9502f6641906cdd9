"""One table of what a mailing earned: per segment and arm, from the matchback down to what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from ml.catalog_effect import CatalogEffect, estimate
from ml.metrics import benjamini_hochberg
from ml.uplift import grouped_folds
from ml.validation import numbers, require_columns

FALSE_DISCOVERIES = 0.05
MINIMUM_SEGMENT = 30  # customers in either arm; fewer get no figures at all
EVERYONE = "all"
_SHOWN = (
    "effect", "effect_low", "effect_high", "standard_error", "naive", "profit", "profit_low", "profit_high",
    "profit_p_value", "break_even", "matchback", "matchback_profit", "matchback_overstates", "method", "is_randomised",
    "variance_reduction", "sample_ratio_p_value", "balance_p_value", "overlap", "placebo", "placebo_low",
    "placebo_high", "robustness", "hidden_strongest", "hidden_profit_low", "hidden_profit_high", "verdict",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """All arms of a mailing, for everyone and per segment.

    Attributes
    ----------
    rows : DataFrame
        One row per dimension x segment x pair of arms: `dimension, segment, treated_arm, control_arm, is_increment`
        (compared with a cheaper arm, not with nothing), `treated, controls, unit_cost`, the figures of
        `ml.catalog_effect.CatalogEffect`, `q_value` and `recommendation`: `mail`, `do not mail`, `add`, `leave out`,
        `keep testing` (the interval holds both profit and loss, or too many segments were looked at), `keep a holdout`
        (nothing is identified, or a hidden trait as strong as a known one could turn the answer).
    balance : DataFrame
        `treated_arm, control_arm, covariate, difference, difference_weighted` of everyone.
    """

    rows: pd.DataFrame
    balance: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return the rows."""
        return self.rows


def compare(
    recipients: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    holdout: object,
    arm_costs: Mapping[Any, float],
    margin_share: float,
    dimensions: Sequence[str] = (),
    covariates: Sequence[str] = (),
    randomised: bool | None = None,
    planned_shares: Mapping[Any, float] | None = None,
    placebo: str | None = None,
    cluster: str | None = None,
    strata: str | None = None,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Judge each mailed arm against those who got nothing, and each dearer arm against the next cheaper one.

    Parameters
    ----------
    recipients : DataFrame
        One row per customer, as for `ml.catalog_effect.estimate`.
    holdout : object
        Value of `arm` of those who got nothing.
    arm_costs : mapping
        Cost per mailed customer of every other arm; a follow-up is judged at its cost less that of the arm before.
    dimensions : sequence of str
        Columns that sort customers into segments known before the mailing; rows without a value are in no segment.
    planned_shares : mapping, optional
        Share of the list each arm was to get.
    outcome, arm, margin_share, covariates, randomised, placebo, cluster, strata, rng
        As in `estimate`; `randomised` says how the holdout was chosen, and what holds for everyone holds for the
        segments.

    Raises
    ------
    ValueError
        If a column or the holdout is missing, or an arm has no cost.

    Notes
    -----
    Among the segments of a dimension a finding counts only if it survives Benjamini and Hochberg's control of false
    discoveries at 5 %: with twenty segments one of them looks profitable by chance.
    """
    require_columns(recipients, (arm, outcome, *dimensions), "recipients")
    arms = [value for value in recipients[arm].dropna().unique() if value != holdout]
    if len(arms) == len(recipients[arm].dropna().unique()):
        raise ValueError(
            f"recipients.{arm} has no {holdout!r} in {len(recipients)} rows; it has {sorted(map(str, arms))}"
        )
    if unknown := sorted(str(value) for value in arms if value not in arm_costs):
        raise ValueError(f"arm_costs has no cost of {unknown}; recipients.{arm} has {sorted(map(str, arms))}")
    same: dict[str, Any] = {
        "outcome": outcome, "arm": arm, "margin_share": margin_share, "covariates": covariates, "cluster": cluster,
        "strata": strata,
    }  # fmt: skip
    seed = int((rng or np.random.default_rng(0)).integers(2**31))
    rows, balances = [], []
    for treated, control, unit_cost in _pairs(arms, holdout, arm_costs):
        pair = recipients[recipients[arm].isin([treated, control])]
        names = {"treated_arm": treated, "control_arm": control, "is_increment": control != holdout}
        planned = None
        if planned_shares and treated in planned_shares and control in planned_shares:
            planned = planned_shares[treated] / (planned_shares[treated] + planned_shares[control])
        lottery = randomised if control == holdout else None
        for dimension, segment, part in _segments(pair, dimensions):
            counts = part[arm].value_counts()
            row = {"dimension": dimension, "segment": segment, **names, "unit_cost": unit_cost}
            row |= {"treated": int(counts.get(treated, 0)), "controls": int(counts.get(control, 0))}
            is_whole = dimension == EVERYONE
            if min(row["treated"], row["controls"]) < (2 if is_whole else MINIMUM_SEGMENT):
                rows.append(row | {"verdict": "not enough data"})
                continue
            # A segment may lack customers of an arm by chance: the plan is held against the whole list.
            effect = estimate(
                part, control=control, treated=treated, unit_cost=unit_cost, randomised=lottery,
                expected_share=planned if is_whole else None, placebo=placebo, rng=np.random.default_rng(seed), **same,
            )  # fmt: skip
            if is_whole:
                lottery = effect.is_randomised
                whole = effect
                balances.append(effect.balance.assign(treated_arm=treated, control_arm=control))
            rows.append(row | {name: getattr(effect, name) for name in _SHOWN} | _inherited(effect, whole))
    table = pd.DataFrame(rows)
    table = table.reindex(columns=list(dict.fromkeys([*table.columns, *_SHOWN])))
    judged = table["profit_p_value"].where(~table["verdict"].isin(["not identified", "sample ratio mismatch"]))
    table["q_value"] = judged.groupby([table["dimension"], table["treated_arm"], table["control_arm"]]).transform(
        lambda values: benjamini_hochberg(values.to_numpy(dtype=float))
    )
    by_chance = (table["verdict"] == "supported") & ~(table["q_value"] <= FALSE_DISCOVERIES)
    table["verdict"] = table["verdict"].mask(by_chance, "not enough data")
    table["recommendation"] = [_recommend(row) for _, row in table.iterrows()]
    return Comparison(table, pd.concat(balances, ignore_index=True))


def response_deciles(
    recipients: pd.DataFrame,
    *,
    outcome: str,
    covariates: Sequence[str],
    cluster: str | None = None,
    strata: str | None = None,
    rng: np.random.Generator | None = None,
) -> pd.Series:
    """Decile of the predicted chance to buy, 1 = most likely, per mailing; nobody is sorted by what he bought himself.

    Parameters
    ----------
    recipients : DataFrame
        One row per customer, all arms.
    outcome, covariates, cluster, strata, rng
        As in `ml.catalog_effect.estimate`; deciles are formed within strata.

    Returns
    -------
    Series of float
        1 .. 10; NaN for all if fewer than 50 bought or did not.

    Notes
    -----
    Sorting by the customers' own outcomes would put the lucky ones on top of both arms and bias every segment's effect:
    Abadie, Chingos and West (2018), "Endogenous stratification in randomized experiments", Review of Economics and
    Statistics 100(4). The predictions of each fold come from the others.
    """
    require_columns(recipients, (outcome, *covariates), "recipients")
    bought = numbers(recipients, outcome, "recipients") != 0
    if min(bought.sum(), (~bought).sum()) < 50 or not covariates:
        return pd.Series(np.nan, index=recipients.index)
    x = np.column_stack([numbers(recipients, name, "recipients") for name in covariates])
    rng = rng or np.random.default_rng(0)
    groups = pd.factorize(recipients[cluster])[0] if cluster else np.arange(len(x))
    fold = grouped_folds(groups, rng)
    chance = np.zeros(len(x))
    for code in range(fold.max() + 1):
        model = HistGradientBoostingClassifier(
            max_iter=60,
            learning_rate=0.05,
            max_leaf_nodes=8,
            min_samples_leaf=50,
            random_state=int(rng.integers(2**31)),
        )
        model.fit(x[fold != code], bought[fold != code])
        chance[fold == code] = model.predict_proba(x[fold == code])[:, 1]
    # Customers alike in everything known are told apart by lot, so that every decile holds a tenth.
    order = pd.DataFrame({"chance": -chance, "lot": rng.random(len(x))}, index=recipients.index)
    stratum = recipients[strata] if strata else pd.Series(0, index=recipients.index)
    place = order.sort_values(["chance", "lot"]).groupby(stratum).cumcount()
    size = stratum.map(stratum.value_counts())
    return (place.reindex(recipients.index) * 10 // size + 1).astype(float)


def _pairs(arms: Sequence[Any], holdout: object, costs: Mapping[Any, float]) -> Iterator[tuple[Any, Any, float]]:
    ordered = sorted(arms, key=lambda value: (costs[value], str(value)))
    for treated in ordered:
        yield treated, holdout, costs[treated]
    for cheaper, treated in pairwise(ordered):
        yield treated, cheaper, costs[treated] - costs[cheaper]


def _segments(pair: pd.DataFrame, dimensions: Sequence[str]) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield EVERYONE, EVERYONE, pair
    for dimension in dimensions:
        for segment, part in pair.groupby(dimension, sort=True):
            yield dimension, str(segment), part


def _inherited(effect: CatalogEffect, whole: CatalogEffect) -> dict[str, Any]:
    """A broken lottery or an unidentified effect of everyone is one of every segment too."""
    broken = ("not identified", "sample ratio mismatch")
    return {"verdict": whole.verdict if whole.verdict in broken else effect.verdict}


def _recommend(row: pd.Series) -> str:
    if row["verdict"] in ("not identified", "sample ratio mismatch"):
        return "keep a holdout"
    if row["verdict"] != "supported":
        return "keep testing"
    low, high = row["profit_low"], row["profit_high"]
    if not row["is_randomised"]:
        low, high = row["hidden_profit_low"], row["hidden_profit_high"]
    if low > 0:
        return "add" if row["is_increment"] else "mail"
    if high < 0:
        return "leave out" if row["is_increment"] else "do not mail"
    return "keep a holdout"
