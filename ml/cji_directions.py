"""Does more time, and do more page views, go with progress the way the journey index says they do?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.discrete.discrete_model import Logit

#: Fewer visits than this, or fewer of either outcome, say nothing about a direction.
MIN_VISITS = 200
MIN_OUTCOMES = 30
SUPPORTED, NOT_SIGNIFICANT, CONTRADICTED, NOT_TESTABLE = "supported", "not significant", "contradicted", "not testable"
_PARAMETERS = ("time", "pageviews")
_VISIT_COLUMNS = ("phase_model", "phase", "seconds", "page_views", "is_outcome", "person_bucket")
_DIRECTION_COLUMNS = ("phase_model", "phase", "parameter", "direction")


@dataclass(frozen=True, slots=True)
class DirectionAudit:
    """What the visits say about each direction.

    Attributes
    ----------
    phase_model, phase, parameter : tuple
        What was asked about.
    direction : tuple of int
        1 (more is better) or -1, as claimed.
    visits : tuple of int
        Visits the answer rests on.
    outcome_share : tuple of float
        Share of them with the outcome; NaN without visits.
    log_odds, log_odds_low, log_odds_high : tuple of float
        Change of the log odds of the outcome per unit of the logarithm, the other parameter held, with a 95 % interval;
        NaN where not testable.
    p_value : tuple of float
        Two-sided; standard errors are clustered by person bucket.
    verdict : tuple of str
        `supported`, `not significant`, `contradicted` or `not testable`.
    """

    phase_model: tuple[str, ...]
    phase: tuple[int, ...]
    parameter: tuple[str, ...]
    direction: tuple[int, ...]
    visits: tuple[int, ...]
    outcome_share: tuple[float, ...]
    log_odds: tuple[float, ...]
    log_odds_low: tuple[float, ...]
    log_odds_high: tuple[float, ...]
    p_value: tuple[float, ...]
    verdict: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per direction; `is_kept` says whether the index may go on using it.

        A direction that cannot be tested stays as claimed; one that is not significant, or significant the other way,
        does not.
        """
        frame = pd.DataFrame({name: getattr(self, name) for name in self.__slots__})
        return frame.assign(is_kept=frame["verdict"].isin([SUPPORTED, NOT_TESTABLE]))


def audit_directions(visits: pd.DataFrame, directions: pd.DataFrame, *, alpha: float = 0.05) -> DirectionAudit:
    """Fit one logistic regression of the outcome on ln(seconds) and ln(page views) per phase.

    Parameters
    ----------
    visits : DataFrame
        One row per visit in a phase: phase_model, phase, seconds (below 1 counts as 1), page_views, is_outcome,
        person_bucket. Rows without seconds or page views are left out.
    directions : DataFrame
        One row per claim: phase_model, phase, parameter (`time` or `pageviews`), direction (1, -1; 0 is no claim).
    alpha : float
        Level of the two-sided test.

    Returns
    -------
    DirectionAudit
        One entry per claim, in the order given.

    Raises
    ------
    ValueError
        A column is missing or a parameter unknown.
    """
    _require(visits, _VISIT_COLUMNS, "visits")
    _require(directions, _DIRECTION_COLUMNS, "directions")
    if unknown := set(directions["parameter"]) - set(_PARAMETERS):
        raise ValueError(f"directions.parameter: {sorted(unknown)} unknown; one of {sorted(_PARAMETERS)}")
    claims = directions[directions["direction"].ne(0)]
    rows = []
    phase_model: Any
    phase: Any
    for (phase_model, phase), asked in claims.groupby(["phase_model", "phase"], sort=False):
        members = visits[visits["phase_model"].eq(phase_model) & visits["phase"].eq(phase)]
        count, share, effects = _fit(members)
        for parameter, direction in zip(asked["parameter"], asked["direction"].astype(int), strict=True):
            effect = effects.get(parameter)
            rows.append(
                (
                    phase_model, int(phase), parameter, direction, count, share,
                    *(effect or (np.nan,) * 4), _verdict(effect, direction, alpha),
                )
            )  # fmt: skip
    return (
        DirectionAudit(*(tuple(column) for column in zip(*rows, strict=True))) if rows else DirectionAudit(*[()] * 11)
    )


def _verdict(effect: tuple[float, float, float, float] | None, direction: int, alpha: float) -> str:
    if effect is None:
        return NOT_TESTABLE
    log_odds, _, _, p_value = effect
    if not p_value < alpha:
        return NOT_SIGNIFICANT
    return SUPPORTED if np.sign(log_odds) == direction else CONTRADICTED


def _fit(visits: pd.DataFrame) -> tuple[int, float, dict[str, tuple[float, float, float, float]]]:
    """Return the visits used, their outcome share, and per parameter: log odds, low, high, p value."""
    used = visits.dropna(subset=["seconds", "page_views"])
    used = used[used["page_views"] > 0]
    outcome = used["is_outcome"].to_numpy(dtype=float)
    share = float(outcome.mean()) if len(outcome) else float("nan")
    if len(used) < MIN_VISITS or min(outcome.sum(), (1 - outcome).sum()) < MIN_OUTCOMES:
        return len(used), share, {}
    logs = pd.DataFrame(
        {
            "time": np.log(np.maximum(used["seconds"].to_numpy(dtype=float), 1.0)),
            "pageviews": np.log(used["page_views"].to_numpy(dtype=float)),
        }
    )
    logs = logs.loc[:, logs.std() > 1e-9]
    if logs.empty or used["person_bucket"].nunique() < 10:
        return len(used), share, {}
    design = np.column_stack([np.ones(len(logs)), logs.to_numpy() - logs.to_numpy().mean(axis=0)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # perfect separation and no convergence are answered below
        try:
            # Visits of one person resemble each other: errors are clustered by the buckets of the jackknife.
            fit = Logit(outcome, design).fit(
                disp=False, cov_type="cluster", cov_kwds={"groups": used["person_bucket"].to_numpy()}
            )
        except np.linalg.LinAlgError:
            return len(used), share, {}
    if not fit.mle_retvals["converged"] or not np.isfinite(fit.bse).all():
        return len(used), share, {}
    ends = fit.conf_int()
    return (
        len(used),
        share,
        {
            name: (float(fit.params[i]), float(ends[i][0]), float(ends[i][1]), float(fit.pvalues[i]))
            for i, name in enumerate(logs.columns, start=1)
        },
    )


def _require(frame: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    for column in columns:
        if column not in frame:
            raise ValueError(f"{name} has no column {column!r}")
