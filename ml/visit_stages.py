"""Where an anonymous visitor stands (AIDA) and what comes next, from the steps of the visit so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from ml.validation import require_columns

MINIMUM_MOVES = 100
#: Share of the visits, the latest, that judge what the earlier ones taught.
JUDGED = 0.3


@dataclass(frozen=True, slots=True)
class NextSteps:
    """Chances of the next step from every stage.

    Attributes
    ----------
    table : DataFrame
        One row per stage x next step: `stage, next_step, moves, probability, low, high` (95 % credible interval),
        `verdict`; the probabilities of a stage add up to 1.
    gain : float
        Held-out log-likelihood per move against chances that do not depend on the stage, in nats.
    gain_low, gain_high : float
        Its 95 % interval over visits.
    verdict : str
        `supported`, `not identified` (the stage says nothing of the next step), `not enough data`.
    """

    table: pd.DataFrame
    gain: float
    gain_low: float
    gain_high: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row per stage x next step."""
        return self.table

    def likely(self, stages: pd.Series) -> pd.DataFrame:
        """The likeliest next step of each stage given: `next_step, probability, low, high`, indexed as `stages`."""
        best = self.table.sort_values(["stage", "probability", "next_step"], ascending=[True, False, True])
        best = best.drop_duplicates("stage").set_index("stage")
        found = best.reindex(stages.to_numpy())[["next_step", "probability", "low", "high"]]
        return found.set_index(stages.index)


def fit_next_steps(moves: pd.DataFrame, *, visit: str, time: str, stage: str, next_step: str) -> NextSteps:
    """Count moves between stages into chances with intervals, judged on later visits.

    Parameters
    ----------
    moves : DataFrame of shape (n_moves, >= 4)
        One row per visit and stage entered: the visit, the moment, the stage, and the step that followed (another
        stage, the order, or leaving).

    Raises
    ------
    ValueError
        If a column is missing or a value is.

    Notes
    -----
    A first-order Markov chain with Jeffreys' prior, half a move to every other step. Intervals are those of the Beta
    distribution of each chance.
    """
    require_columns(moves, (visit, time, stage, next_step), "moves")
    if missing := int(moves[[visit, time, stage, next_step]].isna().any(axis=1).sum()):
        raise ValueError(f"moves: {missing} of {len(moves)} rows lack a visit, time, stage or next step")
    table = _chances(moves[stage], moves[next_step])
    began = moves.groupby(visit)[time].transform("min")
    limit = began.quantile(1 - JUDGED, interpolation="nearest")
    past, later = moves[began < limit], moves[began >= limit]
    if min(len(past), len(later)) < MINIMUM_MOVES:
        return NextSteps(table, *(float("nan"),) * 3, "not enough data")
    known = _chances(past[stage], past[next_step])
    chance = known.set_index(["stage", "next_step"])["probability"]
    overall = (past[next_step].value_counts() + 1) / (len(past) + past[next_step].nunique())
    pairs = pd.MultiIndex.from_arrays([later[stage].astype(str), later[next_step].astype(str)])
    # a step never seen before costs both the same
    floor = 1 / (len(past) + 1)
    told = np.log(chance.reindex(pairs).fillna(floor).to_numpy())
    blind = np.log(overall.reindex(later[next_step].astype(str)).fillna(floor).to_numpy())
    per_visit = pd.Series(told - blind).groupby(later[visit].to_numpy()).agg(["sum", "size"])
    gain = float(per_visit["sum"].sum() / per_visit["size"].sum())
    rest = per_visit["sum"] - gain * per_visit["size"]
    error = float(np.sqrt((rest**2).sum()) / per_visit["size"].sum())
    low, high = gain - 1.96 * error, gain + 1.96 * error
    return NextSteps(table, gain, low, high, "supported" if low > 0 else "not identified")


def _chances(stages: pd.Series, next_steps: pd.Series) -> pd.DataFrame:
    counts = pd.crosstab(stages.astype(str).to_numpy(), next_steps.astype(str).to_numpy())
    prior = np.full(counts.shape, 0.5)
    # nobody moves to where he is
    for row, stage in enumerate(counts.index):
        prior[row, counts.columns == stage] = 0.0
    weights = counts.to_numpy() + prior
    total = weights.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(
        {
            "stage": np.repeat(counts.index.to_numpy(), counts.shape[1]),
            "next_step": np.tile(counts.columns.to_numpy(), counts.shape[0]),
            "moves": counts.to_numpy().reshape(-1),
            "probability": (weights / total).reshape(-1),
        }
    )
    a, b = weights.reshape(-1), (total - weights).reshape(-1)
    inside = (a > 0) & (b > 0)
    for side, quantile in (("low", 0.025), ("high", 0.975)):
        bound = stats.beta.ppf(quantile, np.where(inside, a, 1), np.where(inside, b, 1))
        frame[side] = np.where(inside, bound, frame["probability"])
    enough = np.repeat(counts.sum(axis=1).to_numpy() >= MINIMUM_MOVES, counts.shape[1])
    frame["verdict"] = np.where(enough, "supported", "not enough data")
    return frame[frame["probability"] > 0].reset_index(drop=True)
