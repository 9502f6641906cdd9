"""Which channel earned the sale: removal from an absorbing Markov chain, Shapley values, and the usual rules.

All models take the same frame and give the same result, so that they can be laid side by side:

>>> import pandas as pd
>>> paths = pd.DataFrame(
...     {"path": [["email", "direct"], ["direct"]], "conversions": [30, 20], "nulls": [70, 180], "value": [900, 500]}
... )
>>> markov_credit(paths).to_frame()[["channel", "removal_effect", "conversions", "value"]].round(2)
  channel  removal_effect  conversions   value
0  direct            1.00         37.5  1050.0
1   email            0.33         12.5   350.0
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from ml.credits import ChannelCredits, Design, credit
from ml.markov import chain_design, choose_order
from ml.paths import Paths, encode, transform_path
from ml.shapley import shapley_credit
from ml.validation import Frame, require_choice

__all__ = ["ChannelCredits", "markov_credit", "rule_credit", "shapley_credit", "transform_path"]

RULES = ("first", "last", "last_non_direct", "linear", "position", "time_decay")


def markov_credit(
    paths: Frame,
    *,
    order: Literal[1, 2, "auto"] = 1,
    replicates: int = 200,
    rng: np.random.Generator | None = None,
) -> ChannelCredits:
    """Credit channels by their exact removal effect.

    Parameters
    ----------
    paths : DataFrame or pyarrow.Table of shape (n_distinct_paths, >= 3)
        `path` (list of channel names in order, repeats allowed), `conversions` and `nulls` (journeys with this path
        that ended in an order, or did not). Optional: `value`, `margin` (money of those conversions) and `bucket`
        (group of persons; then one row per path and bucket).
    order : 1, 2 or 'auto'
        How many of the last channels the next step depends on; 'auto' takes 2 where it predicts held-out journeys
        better.
    replicates : int
        Size of the Poisson bootstrap; 0 for no interval. With `bucket` the interval is the delete-one-bucket jackknife,
        which respects that a person's journeys resemble each other.
    rng : numpy.random.Generator, optional
        For the bootstrap and the held-out split without buckets; default seed 0.

    Returns
    -------
    ChannelCredits

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind, a path is empty, or nothing converted.

    Notes
    -----
    With N = (I - Q)^-1 and b the conversion probability from each state, removing channel j costs
    (N_sj / N_jj) b_j / b_s of all conversions, so one solve serves every channel. Money is credited the same way, with
    b the money expected from each state. Consecutive touches of a channel count as one: in a chain of order 1 this
    changes no removal effect.
    Anderl et al. (2016), "Mapping the customer journey", International Journal of Research in Marketing 33(3).
    """
    require_choice(order, (1, 2, "auto"), "order")
    encoded = encode(paths)
    rng = rng or np.random.default_rng(0)
    chosen = choose_order(encoded, rng) if order == "auto" else int(order)
    design = chain_design(encoded, chosen)
    details = {"order": float(chosen)}
    return credit("markov", encoded, design, replicates=replicates, rng=rng, has_removal_effect=True, details=details)


def rule_credit(
    paths: Frame,
    *,
    rule: str = "last",
    half_life: float = 7.0,
    direct: str = "direct",
    replicates: int = 200,
    rng: np.random.Generator | None = None,
) -> ChannelCredits:
    """Credit channels by their place in the path.

    Parameters
    ----------
    paths, replicates, rng
        As in `markov_credit`; journeys that did not convert change nothing.
    rule : str
        `first`, `last`, `last_non_direct` (`last` if all is direct), `linear`, `position` (40 % first, 40 % last, 20 %
        between) or `time_decay` (a touch `half_life` places before the last weighs half of it: paths carry no times;
        where they matter, decay by days belongs into the warehouse).
    half_life : float
        In places, for `time_decay`.
    direct : str
        The channel `last_non_direct` looks through.

    Raises
    ------
    ValueError
        As `markov_credit`, and for an unknown rule.
    """
    require_choice(rule, RULES, "rule")
    if not half_life > 0:
        raise ValueError(f"half_life is {half_life}; expected a positive number of places")
    encoded = encode(paths)
    weights = _rule_weights(encoded, rule, half_life, direct)
    shape = (len(encoded.channels), len(encoded))
    on_outcomes = sparse.csc_array((weights, encoded.codes, encoded.starts), shape=shape)
    no_sums = sparse.csc_array((0, len(encoded)))
    design = Design(no_sums, on_outcomes, lambda _, outcomes: outcomes, cells=on_outcomes.shape[0])
    return credit(rule, encoded, design, replicates=replicates, rng=rng)


def _rule_weights(paths: Paths, rule: str, half_life: float, direct: str) -> np.ndarray:
    """Weight of every touch; each path's weights sum to 1."""
    rows = paths.rows
    place = np.arange(len(paths.codes)) - paths.starts[rows]
    left = paths.lengths[rows] - 1 - place  # touches still to come
    if rule == "linear":
        weights = np.ones(len(place))
    elif rule == "first":
        weights = (place == 0).astype(float)
    elif rule == "last":
        weights = (left == 0).astype(float)
    elif rule == "time_decay":
        weights = 0.5 ** (left / half_life)
    elif rule == "position":
        between = 0.2 / np.maximum(paths.lengths[rows] - 2, 1)
        weights = np.where((place == 0) | (left == 0), 0.4, between)
    else:
        is_direct = paths.codes == (paths.channels.index(direct) if direct in paths.channels else -1)
        counts = np.where(is_direct, -1, place)
        latest = np.maximum.reduceat(counts, paths.starts[:-1])
        target = np.where(latest < 0, paths.lengths - 1, latest)
        weights = (place == target[rows]).astype(float)
    return weights / np.add.reduceat(weights, paths.starts[:-1])[rows]
