"""What the numbers allow to be said: small decisions, kept apart from how they are shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboards.formats import is_missing

BENCHMARK = 50
# A channel is worth a warning where one model gives it at least half as much again as another, and it matters at all.
DISAGREEMENT_RATIO = 1.5
RELEVANT_SHARE = 0.03
# Lines of the journey map with fewer moves are counted and not shown.
MINIMUM_LINE = 10
# Nothing is ranked that rests on fewer observations.
MINIMUM_CELL = 30


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; the whole range without trials."""
    if trials <= 0:
        return 0.0, 1.0
    z = 1.96
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return max(0.0, centre - half), min(1.0, centre + half)


def relative(now: Any, before: Any) -> float | None:
    """Return the relative change, or None where there is nothing to compare with."""
    if is_missing(now) or is_missing(before) or before == 0:
        return None
    return float(now) / float(before) - 1


def swing(days: int, mean_difference: Any, standard_error: Any) -> str:
    """Say whether a change is larger than day-to-day swings: `up`, `down`, `noise`, or `unknown` below 7 days."""
    if days < 7 or is_missing(mean_difference) or is_missing(standard_error):
        return "unknown"
    if abs(mean_difference) <= 2 * standard_error:
        return "noise"
    return "up" if mean_difference > 0 else "down"


def standing(score: Any, low: Any, high: Any) -> str:
    """Say where a score stands against the benchmark; `at` while the interval contains it."""
    if is_missing(score):
        return "unknown"
    if is_missing(low) or is_missing(high):
        return "unsure"
    if high < BENCHMARK:
        return "below"
    return "above" if low > BENCHMARK else "at"


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the attribution models agree.

    Attributes
    ----------
    top : dict of str to str
        Channel each model puts first.
    disputed : DataFrame
        Channels on which the models differ: `name`, `low`, `low_model`, `high`, `high_model` (shares), widest first.
    """

    top: dict[str, str]
    disputed: pd.DataFrame

    @property
    def leaders(self) -> list[str]:
        """Channels put first by at least one model, most often named first."""
        return list(pd.Series(self.top).value_counts().index)


def agreement(credits: pd.DataFrame) -> Agreement:
    """Compare the models' shares per channel.

    Parameters
    ----------
    credits : DataFrame
        One row per model and name with its `share` (0-1).
    """
    wide = credits.pivot_table(index="name", columns="model", values="share", aggfunc="sum").fillna(0.0)
    rows = pd.DataFrame(
        {
            "low": wide.min(axis=1),
            "low_model": wide.idxmin(axis=1),
            "high": wide.max(axis=1),
            "high_model": wide.idxmax(axis=1),
        }
    )
    differs = (rows["high"] >= RELEVANT_SHARE) & (rows["high"] > DISAGREEMENT_RATIO * rows["low"])
    disputed = rows[differs].assign(gap=lambda frame: frame["high"] - frame["low"])
    disputed = disputed.sort_values("gap", ascending=False).reset_index()
    top = {str(model): str(wide[model].idxmax()) for model in wide.columns if wide[model].max() > 0}
    return Agreement(top, disputed)


def is_main_line(edges: pd.DataFrame, journeys: int) -> pd.Series:
    """Whether a line of the journey map carries a tenth of the moves out of its station, or of 1 % of the journeys.

    Parameters
    ----------
    edges : DataFrame
        `n` and `probability` (share of the moves out of the station).
    journeys : int
        That started.
    """
    return (edges["probability"] >= 0.1) | (edges["n"] >= 0.01 * journeys)


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two shares with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0


def difference(first: tuple[float, float, float], second: tuple[float, float, float]) -> Difference:
    """Return first - second from two estimates, each with the ends of its interval.

    Notes
    -----
    The intervals are put together as Newcombe (1998) does, "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17. Where the two share persons, the interval is rather too wide.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    return Difference(a - b, a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low))


def moved(row: Any, share: float) -> tuple[float, float, float]:
    """Return what changes if a share of those who end at a station went elsewhere, and the ends of its 95 % interval.

    Parameters
    ----------
    row : mapping
        Of `journey_map_what_ifs.sql`.
    share : float
        0 to 1, of the moves that end there.

    Returns
    -------
    tuple of float
        Change of the conversion probability from the start.

    Notes
    -----
    Exact for the chain (Sherman and Morrison); the interval is that of a small move, widened in proportion.
    """
    eps = share * row["lost"]
    factor = eps / (1 - eps * row["return_visits"])
    return factor * row["gain"], factor * row["gain_low"], factor * row["gain_high"]
