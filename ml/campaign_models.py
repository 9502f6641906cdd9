"""What an on-site campaign changed: money (uplift), answers (response) and visits lost at its step (drop-off)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ml import causal
from ml.metrics import benjamini_hochberg
from ml.validation import numbers, require_choice, require_columns

KINDS = ("uplift", "response", "drop_off")
MINIMUM_UNITS = 50
MINIMUM_ANSWERS = 20
SIGNIFICANT = 0.05
_REASONS = ("measured", "answered", "plan", "no clear effect")


@dataclass(frozen=True, slots=True)
class CampaignEffect:
    """Difference between the treated and the controls of one experiment, one kind, one segment.

    Attributes
    ----------
    kind : str
        `uplift` (contribution margin per unit), `response` (share of all units that answered), `drop_off` (share of the
        units at the campaign's step that went no further).
    treated, controls : int
    control_level : float
        Mean of the controls.
    effect, effect_low, effect_high : float
        Treated less controls, with 95 % interval.
    relative, relative_low, relative_high : float
        effect / control_level, by the delta method; NaN where the controls' mean is not positive.
    p_value : float
    sample_ratio_p_value : float
        Of the arms' sizes against the planned share.
    verdict : str
        `supported` (beyond chance), `not identified` (the arms' sizes are not what was planned: something dropped units
        from one of them), `no clear effect`, `not enough data`.
    """

    kind: str
    treated: int
    controls: int
    control_level: float
    effect: float
    effect_low: float
    effect_high: float
    relative: float
    relative_low: float
    relative_high: float
    p_value: float
    sample_ratio_p_value: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        return pd.DataFrame([{name: getattr(self, name) for name in self.__slots__}])


def measure(
    units: pd.DataFrame,
    *,
    outcome: str,
    arm: str,
    kind: str,
    control: str = "control",
    covariates: Sequence[str] = (),
    expected_share: float = 0.5,
) -> CampaignEffect:
    """Compare the arms of a randomised on-site campaign.

    Parameters
    ----------
    units : DataFrame of shape (n_units, >= 2)
        One row per assigned unit. For `drop_off` only those that reached the step, which the campaign may not have
        helped them to.
    outcome : str
        Money, or 0 / 1.
    arm : str
        Every value but `control` is treated.
    kind : {"uplift", "response", "drop_off"}
    covariates : sequence of str
        Known before the assignment; they narrow the interval.
    expected_share : float
        Planned share of the treated.

    Raises
    ------
    ValueError
        If a column is missing or breaks its contract.

    Notes
    -----
    Intention to treat. Differences in means with unequal variances or, with covariates, regression within the arms
    (`ml.causal`).
    """
    require_choice(kind, KINDS, "kind")
    require_columns(units, (outcome, arm, *covariates), "units")
    y = numbers(units, outcome, "units")
    if kind != "uplift" and (odd := int((~np.isin(y, (0.0, 1.0))).sum())):
        raise ValueError(f"units.{outcome}: {odd} of {len(y)} rows are neither 0 nor 1")
    treated = (units[arm] != control).to_numpy()
    sizes = int(treated.sum()), int((~treated).sum())
    ratio = float(stats.binomtest(sizes[0], len(y), expected_share).pvalue)
    level = float(y[~treated].mean()) if sizes[1] else float("nan")
    arms = (y[treated], y[~treated])
    answers = min(np.count_nonzero(values) for values in arms)
    if min(sizes) < MINIMUM_UNITS or answers < MINIMUM_ANSWERS or not sum(np.ptp(values) for values in arms) > 0:
        nothing = (float("nan"),) * 7
        return CampaignEffect(kind, *sizes, level, *nothing, ratio, "not enough data")
    x = np.column_stack([np.empty((len(y), 0)), *(numbers(units, name, "units") for name in covariates)])
    x = x[:, np.ptp(x, axis=0) > 0] if len(covariates) else x
    part = causal.adjusted(x, y, treated) if x.shape[1] else causal.difference(y, treated)
    effect, error = part.effect, causal.standard_error(part.influence)
    base_error = float(y[~treated].std(ddof=1) / np.sqrt(sizes[1]))
    relative, spread = float("nan"), float("nan")
    if level > 0:
        relative = effect / level
        # the controls' mean is in both, so the errors of ratio and base go together
        spread = float(np.sqrt(error**2 + (2 * relative + relative**2) * base_error**2) / level)
    p_value = float(2 * stats.norm.sf(abs(effect) / error)) if error > 0 else float("nan")
    verdict = "supported" if p_value < SIGNIFICANT else "no clear effect"
    return CampaignEffect(
        kind=kind,
        treated=sizes[0],
        controls=sizes[1],
        control_level=level,
        effect=effect,
        effect_low=effect - 1.96 * error,
        effect_high=effect + 1.96 * error,
        relative=relative,
        relative_low=relative - 1.96 * spread,
        relative_high=relative + 1.96 * spread,
        p_value=p_value,
        sample_ratio_p_value=ratio,
        verdict="not identified" if ratio < 0.001 else verdict,
    )


def adjust_segments(effects: pd.DataFrame) -> pd.DataFrame:
    """Judge the segments of a campaign together: `q_value` (Benjamini-Hochberg), and verdicts that survive it.

    Parameters
    ----------
    effects : DataFrame
        Rows of `CampaignEffect.to_frame()` with `segment`; segment `all` is the question asked, the others are looked
        at besides, and only they are corrected.
    """
    looked = (effects["segment"] != "all").to_numpy()
    q_values = effects["p_value"].to_numpy(dtype=float).copy()
    if looked.any():
        q_values[looked] = benjamini_hochberg(q_values[looked])
    falls = looked & (effects["verdict"] == "supported").to_numpy() & ~(q_values < SIGNIFICANT)
    verdict = effects["verdict"].where(~falls, "no clear effect")
    return effects.assign(q_value=q_values, verdict=verdict)


def next_best(persons: pd.DataFrame, plan: pd.DataFrame, effects: pd.DataFrame) -> pd.DataFrame:
    """Campaigns for each person, best first: what was measured to earn, then what the plan says.

    Parameters
    ----------
    persons : DataFrame
        `person_id, phase, segment` (`undecided` takes the plan's rows for all).
    plan : DataFrame
        `phase, segment, priority, campaign, trigger, experiment_id, is_discount`: the reaction plan.
    effects : DataFrame
        `experiment_id, segment, kind, effect, effect_low, effect_high, verdict`, of which `uplift` is money per person.

    Returns
    -------
    DataFrame
        `person_id, rank, campaign, trigger, phase, segment, expected_margin_eur, margin_low, margin_high, reason`, by
        reason: `measured` (its experiment earned margin), `answered` (people reacted, money is not shown), `plan` (not
        tested), `no clear effect` (tested, nothing shown). One that cost margin is left out. Several campaigns per
        person are meant: they have different triggers.
    """
    require_columns(persons, ("person_id", "phase", "segment"), "persons")
    require_columns(plan, ("phase", "segment", "priority", "campaign", "experiment_id", "is_discount"), "plan")
    own = persons.merge(plan.rename(columns={"segment": "for_segment"}), on="phase")
    named = set(zip(plan["phase"], plan["segment"], strict=True))
    has_own = np.array([pair in named for pair in zip(own["phase"], own["segment"], strict=True)], dtype=bool)
    own = own[own["for_segment"].eq(own["segment"].where(has_own, "all"))]
    # a discount given to those who would have paid the price is a loss, whatever the plan says
    own = own[~(own["is_discount"].astype(bool) & (own["segment"] == "brand_loyal"))]
    money = effects[effects["kind"] == "uplift"][
        ["experiment_id", "segment", "effect", "effect_low", "effect_high", "verdict"]
    ]
    answer = effects[effects["kind"] == "response"][["experiment_id", "segment", "verdict"]]
    money = money.merge(
        answer.rename(columns={"verdict": "response_verdict"}), on=["experiment_id", "segment"], how="left"
    )
    own = own.merge(money[money["segment"] == "all"].drop(columns="segment"), on="experiment_id", how="left")
    is_tested = own["verdict"].notna()
    earns = is_tested & (own["verdict"] == "supported") & (own["effect_low"] > 0)
    harms = is_tested & (own["verdict"] == "supported") & (own["effect_high"] < 0)
    answers = is_tested & (own["response_verdict"] == "supported")
    unclear = is_tested & (own["verdict"] == "no clear effect")
    own = own.assign(reason=np.select([earns, answers, unclear], [*_REASONS[:2], _REASONS[3]], _REASONS[2]))[~harms]
    is_measured = own["reason"] != "plan"
    own = own.assign(
        expected_margin_eur=own["effect"].where(is_measured),
        margin_low=own["effect_low"].where(is_measured),
        margin_high=own["effect_high"].where(is_measured),
        order=own["reason"].map({reason: place for place, reason in enumerate(_REASONS)}),
    )
    own = own.sort_values(["person_id", "order", "priority", "campaign"], kind="stable")
    own["rank"] = own.groupby("person_id").cumcount() + 1
    names = ["person_id", "rank", "campaign", "trigger", "phase", "segment"]
    return own[[*names, "expected_margin_eur", "margin_low", "margin_high", "reason"]].reset_index(drop=True)
