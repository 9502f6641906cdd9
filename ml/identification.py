"""Can the data tell what a channel does? Signs that its spend moves with sales for another reason, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from ml.response_curves import ResponseCurves
    from ml.response_model import Draws, Shape, Whitener

MINIMUM_ACTIVE = 20  # periods with spend
LEAST_PLANNED = 0.2
WIDEST = 0.6  # half a 90 % interval of the return against the return itself
PLACEBO_LEVEL = 0.01  # over all channels together: a true driver shows far more clearly
DRIVEN = "spend moves with sales for another reason"
UNPLANNED = "spend is not planned ahead"
SUPPORTED, NOT_IDENTIFIED, NOT_ENOUGH = "supported", "not identified", "not enough data"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for and against the estimate of one channel.

    Attributes
    ----------
    active_periods : int
        With spend above 0.
    own_variation : float
        Share of the variation of its response that neither controls nor other channels explain.
    placebo_p : float
        P-value of spend *after* a period "causing" sales in it: advertising cannot, a hidden driver of both can.
    reverse_p : float
        P-value of unexplained sales leading spend.
    planned_share : float
        Share of the variation of its response that its spend of two and more periods before foretells. A hidden driver
        that is gone by then cannot move that part, and leaves no trace in the tests above.
    planned_p : float
        P-value of that part alone bringing as much as all spend (Hausman 1978, "Specification tests in econometrics").
    has_experiment : bool
    """

    active_periods: int
    own_variation: float
    placebo_p: float
    reverse_p: float
    planned_share: float
    planned_p: float
    has_experiment: bool


def evidence_of(
    outcome: np.ndarray,
    spends: np.ndarray,
    base: np.ndarray,
    whitener: Whitener,
    found: Draws,
    has_experiment: Sequence[bool],
    days: int,
) -> tuple[Evidence, ...]:
    """Test each channel against the fitted model.

    Parameters
    ----------
    outcome, spends, base : ndarray of shape (n_periods, ...)
        As they came, before the whitener.
    """
    seen = whitener(outcome)
    own = np.column_stack(found.columns)
    result = []
    for c in range(spends.shape[1]):
        others = np.delete(own, c, axis=1)
        column = own[:, c]
        left = _without(column, others)
        response = found.best[c].response(spends[:, c])
        spread = float(np.sum((response - response.mean()) ** 2))
        planned_share, planned_p = _planned(seen, left, others, response, whitener, days)
        result.append(
            Evidence(
                active_periods=int((spends[:, c] > 0).sum()),
                own_variation=float(left @ left) / max(spread, 1e-300),
                placebo_p=_adds(seen, own, _leads(found.best[c], spends[:, c], whitener, days), whitener),
                reverse_p=_reverse(spends[:, c], found.residual, base, days),
                planned_share=planned_share,
                planned_p=planned_p,
                has_experiment=has_experiment[c],
            )
        )
    return tuple(result)


def _leads(shape: Shape, spend: np.ndarray, whitener: Whitener, days: int) -> np.ndarray:
    """Response to spend of the next period and of the weeks after it."""
    saturated = shape.saturated(spend)
    columns = []
    for first, last in ((1, 2), (2, 8), (8, 22)) if days == 1 else ((1, 2), (2, 5)):
        ahead = np.mean([np.concatenate([saturated[k:], np.full(k, saturated.mean())]) for k in range(first, last)], 0)
        columns.append(whitener(ahead))
    return np.column_stack(columns)


def _planned(
    outcome: np.ndarray,
    column: np.ndarray,
    others: np.ndarray,
    response: np.ndarray,
    whitener: Whitener,
    days: int,
) -> tuple[float, float]:
    """How much of `column` (the others taken out) spend of before foretells, and whether that part acts like the rest.

    Not the period just before: the whitener mixes its errors with today's.
    """
    lags = range(2, 9 if days == 1 else 6)
    before = np.column_stack([whitener(_lagged(response, k, float(response.mean()))) for k in lags])
    before, outcome = _without(before, others), _without(outcome, others)
    foretold = column - _without(column, before)
    whole, part = float(column @ column), float(foretold @ foretold)
    if not 0 < part < whole:
        return (1.0 if part > 0 else 0.0), 1.0
    of_all, of_planned = float(column @ outcome) / whole, float(foretold @ outcome) / part
    left = outcome - of_all * column
    variance = float(left @ left) / max(len(outcome) - whitener.basis.shape[1] - others.shape[1] - 1, 1)
    error = (variance * (1 / part - 1 / whole)) ** 0.5
    return part / whole, float(2 * stats.norm.sf(abs(of_planned - of_all) / max(error, 1e-300)))


def _reverse(spend: np.ndarray, residual: np.ndarray, base: np.ndarray, days: int) -> float:
    active = np.log1p(spend / max(spend[spend > 0].mean(), 1e-300)) if (spend > 0).any() else spend
    n = len(spend)
    longest = 8 if days == 1 else 3

    known = np.column_stack([base, *(_lagged(active, k) for k in range(1, longest))])
    basis = np.linalg.qr(known)[0]
    asked = np.column_stack([_lagged(residual, 1), np.mean([_lagged(residual, k) for k in range(2, longest)], 0)])
    left, asked = active - basis @ (basis.T @ active), asked - basis @ (basis.T @ asked)
    return _f_test(left, np.empty((n, 0)), asked, n - basis.shape[1])


def _lagged(series: np.ndarray, periods: int, before: float = 0.0) -> np.ndarray:
    """The series so many periods later, `before` standing for what is not known."""
    return np.concatenate([np.full(periods, before), series[: len(series) - periods]])


def _without(values: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What least squares on the columns leaves of the values; all of them without a column."""
    return values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0] if columns.size else values


def _adds(outcome: np.ndarray, known: np.ndarray, asked: np.ndarray, whitener: Whitener) -> float:
    return _f_test(outcome, known, asked, len(outcome) - whitener.basis.shape[1])


def _f_test(outcome: np.ndarray, known: np.ndarray, asked: np.ndarray, degrees: int) -> float:
    """P-value of `asked` explaining nothing beside `known`."""
    together = np.column_stack([known, asked])

    def rest(columns: np.ndarray) -> float:
        left = _without(outcome, columns)
        return float(left @ left)

    without, within = rest(known), rest(together)
    free = degrees - together.shape[1]
    if within <= 0 or free < 10:
        return 1.0
    return float(stats.f.sf((without - within) / asked.shape[1] / (within / free), asked.shape[1], free))


def doubt(evidence: Evidence, channels: int, days: int) -> str:
    """Why the series may not tell what this one of so many channels does; empty if nothing speaks against it."""
    if min(evidence.placebo_p, evidence.reverse_p, evidence.planned_p) < PLACEBO_LEVEL / (3 * channels):
        return DRIVEN
    # In days only: demand that is high for a day is usual; for a week and gone the next it is not.
    return UNPLANNED if days == 1 and evidence.planned_share < LEAST_PLANNED else ""


def verdicts(curves: ResponseCurves) -> ResponseCurves:
    """The same curves, each with a verdict: `supported`, `not identified` or `not enough data`, and why."""
    low, middle, high = curves.roas_quantiles()
    found, reasons = [], []
    for c, evidence in enumerate(curves.evidence):
        why = doubt(evidence, len(curves.channels), curves.period_days)
        if evidence.active_periods < MINIMUM_ACTIVE:
            # An experiment measures what spend brought, not what more or less of it would bring.
            verdict, reason = NOT_ENOUGH, "too few periods with spend"
        elif why and not evidence.has_experiment:
            verdict, reason = NOT_IDENTIFIED, why
        elif not (high[c] - low[c]) / 2 <= WIDEST * middle[c]:
            verdict, reason = NOT_IDENTIFIED, "interval too wide"
        elif evidence.has_experiment:
            verdict, reason = SUPPORTED, "experiment alone" if why else "experiment"
        else:
            verdict, reason = SUPPORTED, "time series"
        found.append(verdict)
        reasons.append(reason)
    return replace(
        curves, identified=tuple(v == SUPPORTED for v in found), verdicts=tuple(found), reasons=tuple(reasons)
    )
