"""The journey as an absorbing chain: who reaches the sale from where, in how many steps, and what a change would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse, stats
from scipy.sparse import csgraph

from ml.metrics import jackknife_error, share_interval
from ml.validation import numbers, require_columns

MINIMUM_BUCKETS = 10


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What moving probability from the null end to another node would do.

    Attributes
    ----------
    before, after : float
        Conversion probability from the start.
    change : float
        after - before, exact for this chain.
    first_order : float
        eps N_si b_k, the change per small eps.
    """

    before: float
    after: float
    change: float
    first_order: float


@dataclass(frozen=True, slots=True)
class JourneyMap:
    """An absorbing chain, solved; arrays share the order of `nodes` (all but the two ends).

    Attributes
    ----------
    nodes : tuple of str
    start, main, null : str
    conversion_probability : ndarray of shape (n_nodes,)
        Of reaching `main` from the node. Journeys caught in a loop without exit never do.
    expected_steps : ndarray of shape (n_nodes,)
        Steps to `main` of the journeys that reach it; NaN where none does.
    expected_visits : ndarray of shape (n_nodes,)
        Of the node, per journey from the start; infinite inside a loop without exit.
    contribution : ndarray of shape (n_nodes,)
        Share of conversions from the start that would be lost if every visit of the node ended the journey:
        descriptive, not causal. 1 for the start.
    conversion_probability_low, _high, contribution_low, _high : ndarray of shape (n_nodes,)
        95 % intervals, by leaving out one bucket of persons after the other; NaN where edges carry no buckets.
    transitions : ndarray of shape (n_nodes, n_nodes + 2)
        Probability of each move; the last two columns are `main` and `null`.
    visits : ndarray of shape (n_nodes, n_nodes)
        Fundamental matrix N of the nodes outside of loops without exit; 0 inside.
    gain, gain_low, gain_high : ndarray of shape (n_nodes, n_nodes + 1)
        Change of the conversion probability from the start per unit of probability that moves, at the row's node, from
        `null` to the column's (the last is `main`), to first order; its 95 % interval as above, never below 0.
    """

    nodes: tuple[str, ...]
    start: str
    main: str
    null: str
    conversion_probability: np.ndarray
    expected_steps: np.ndarray
    expected_visits: np.ndarray
    contribution: np.ndarray
    conversion_probability_low: np.ndarray
    conversion_probability_high: np.ndarray
    contribution_low: np.ndarray
    contribution_high: np.ndarray
    transitions: np.ndarray
    visits: np.ndarray
    gain: np.ndarray
    gain_low: np.ndarray
    gain_high: np.ndarray

    def to_frame(self) -> pd.DataFrame:
        """One row per node: `node, conversion_probability, expected_steps, expected_visits, contribution`, and the ends
        `_low`, `_high` of the first and the last."""
        intervals = [f"{name}{end}" for name in ("conversion_probability", "contribution") for end in ("_low", "_high")]
        columns = ("conversion_probability", "expected_steps", "expected_visits", "contribution", *intervals)
        return pd.DataFrame({"node": self.nodes, **{name: getattr(self, name) for name in columns}})

    def what_ifs(self) -> pd.DataFrame:
        """One row per node that loses journeys x other place they could go to instead: `what_if` for any eps.

        Columns `node, target`, `lost` (the most that eps can be), `gain, gain_low, gain_high` and `return_visits` (of
        the node by a journey at the target): moving eps changes the conversion probability from the start by
        eps gain / (1 - eps return_visits).
        """
        size = len(self.nodes)
        lost = self.transitions[:, -1]
        at, to = np.nonzero((lost > 0)[:, None] & ~np.eye(size, size + 1, dtype=bool))
        back = np.append(self.visits.T, np.zeros((size, 1)), axis=1)
        frame = pd.DataFrame(
            {
                "node": np.array(self.nodes)[at],
                "target": np.array([*self.nodes, self.main])[to],
                "lost": lost[at],
                "gain": self.gain[at, to],
                "gain_low": self.gain_low[at, to],
                "gain_high": self.gain_high[at, to],
                "return_visits": back[at, to],
            }
        )
        return frame[frame["target"] != self.start].reset_index(drop=True)

    def what_if(self, node: str, eps: float, to: str) -> WhatIf:
        """Move probability `eps` at `node` from the null end to `to` (a node or the main end).

        Raises
        ------
        ValueError
            If a node is unknown, or fewer than `eps` of the node's journeys end there.

        Notes
        -----
        By Sherman and Morrison: eps N_si b_k / (1 - eps N_ki), exact while the rest of the chain stays as it is.
        """
        at = self._index(node)
        lost = float(self.transitions[at, -1])
        if not 0 <= eps <= lost + 1e-12:
            raise ValueError(f"eps is {eps}; {node!r} loses {lost:.6g} of its journeys, expected 0 to that")
        target = len(self.nodes) if to == self.main else self._index(to)
        back = 0.0 if to == self.main else float(self.visits[target, at])
        before = float(self.conversion_probability[self._index(self.start)])
        first_order = eps * float(self.gain[at, target])
        change = first_order / (1 - eps * back) if first_order else 0.0
        return WhatIf(before, before + change, change, first_order)

    def critical_path(self) -> tuple[str, ...]:
        """The single most probable way from start to main; empty if there is none."""
        names = [*self.nodes, self.main, self.null]
        out, into = np.nonzero(self.transitions)
        # the constant keeps certain moves from counting as no edge, and prefers the shorter of two equal ways
        length = -np.log(self.transitions[out, into]) + 1e-12
        graph = sparse.csr_array((length, (out, into)), shape=(len(names), len(names)))
        _, before = csgraph.dijkstra(graph, indices=self._index(self.start), return_predecessors=True)
        path = [len(self.nodes)]
        while before[path[-1]] >= 0:
            path.append(int(before[path[-1]]))
        return tuple(names[i] for i in reversed(path)) if len(path) > 1 else ()

    def _index(self, node: str) -> int:
        if node not in self.nodes:
            raise ValueError(f"{node!r} is not one of the {len(self.nodes)} nodes {list(self.nodes)}")
        return self.nodes.index(node)


def absorbing_chain(edges: pd.DataFrame, *, start: str, main: str | Sequence[str], null: str) -> JourneyMap:
    """Solve the chain of a journey map.

    Parameters
    ----------
    edges : DataFrame of shape (n_edges, >= 3)
        `from`, `to` (node names), `n` (moves counted; rows of the same edge are added up), optional `bucket` (group of
        persons; then one row per edge and bucket). Hide rare edges after this, never before: every sum needs them.
    start : str
        Where journeys begin.
    main : str or sequence of str
        The end that counts; several main conversions are taken as one, named after the first.
    null : str
        The end without conversion.

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind, an end has moves of its own, or `start` has none.

    Notes
    -----
    P = [[Q, R], [0, I]], N = (I - Q)^-1, b = N r_main. Steps to conversion come from the chain given that it converts,
    Q*_ij = Q_ij b_j / b_i; N 1 would count the steps to any end. Contribution of j: (N_sj / N_jj) b_j / b_s.
    Kemeny and Snell (1960), "Finite Markov Chains", chapter III.
    """
    require_columns(edges, ("from", "to", "n"), "edges")
    counts = numbers(edges, "n", "edges", minimum=0)
    mains = (main,) if isinstance(main, str) else tuple(main)
    ends = {**dict.fromkeys(mains, mains[0]), null: null}
    out, into = (edges[side].map(lambda node: ends.get(node, node)) for side in ("from", "to"))
    for side, names in (("from", out), ("to", into)):
        if (unnamed := names.isna()).any():
            raise ValueError(f"edges.{side}: {unnamed.sum()} of {len(edges)} rows have no node")
    if (leaving := out.isin(list(ends)) & (counts > 0)).any():
        raise ValueError(f"edges.from: {leaving.sum()} of {len(edges)} rows leave an end ({sorted(set(out[leaving]))})")
    if not counts[out == start].sum() > 0:
        raise ValueError(f"edges.from: no moves leave the start {start!r} in {len(edges)} rows")

    nodes = tuple(sorted((set(out) | set(into)) - set(ends)))
    index = {name: i for i, name in enumerate([*nodes, mains[0], null])}
    size = len(nodes)
    kept = ~out.isin(list(ends)).to_numpy()
    places = out[kept].map(index).to_numpy(), into[kept].map(index).to_numpy()
    moves = np.zeros((size, size + 2))
    np.add.at(moves, places, counts[kept])
    transitions = _transitions(moves)
    inner = transitions[:, :size]

    stops = (transitions[:, size:].sum(axis=1) > 0) | (inner.sum(axis=1) == 0)
    open_ = _reaches(inner, stops)  # the others are loops without exit, which would make I - Q singular
    first = index[start]
    visits, reach, lost, gain = (solved[0] for solved in _solve(transitions[None], open_, first))
    caught = ~open_ & _reaches(inner.T, np.arange(size) == first)
    reach_error = lost_error = np.full(size, np.nan)
    gain_error = np.full(gain.shape, np.nan)
    quantile = np.nan
    if "bucket" in edges.columns:
        buckets = pd.factorize(numbers(edges, "bucket", "edges")[kept], sort=True)[0]
        if (groups := int(buckets.max()) + 1) >= MINIMUM_BUCKETS:
            by_bucket = np.zeros((groups, *moves.shape))
            np.add.at(by_bucket, (buckets, *places), counts[kept])
            _, *replicates = _solve(_transitions(moves - by_bucket), open_, first)
            reach_error, lost_error, gain_error = (jackknife_error(values) for values in replicates)
            quantile = float(stats.t.ppf(0.975, groups - 1))
    reach_low, reach_high = share_interval(reach, reach_error, quantile)
    lost_low, lost_high = share_interval(lost, lost_error, quantile)
    gain_low, gain_high = share_interval(gain, gain_error, quantile, is_proportion=False)
    return JourneyMap(
        nodes=nodes,
        start=start,
        main=mains[0],
        null=null,
        conversion_probability=reach,
        expected_steps=_steps(inner, reach),
        expected_visits=np.where(caught, np.inf, visits[first]),
        contribution=lost,
        conversion_probability_low=reach_low,
        conversion_probability_high=reach_high,
        contribution_low=lost_low,
        contribution_high=lost_high,
        transitions=transitions,
        visits=visits,
        gain=gain,
        gain_low=np.maximum(gain_low, 0),
        gain_high=gain_high,
    )


def _transitions(moves: np.ndarray) -> np.ndarray:
    return moves / np.maximum(moves.sum(axis=-1, keepdims=True), 1e-300)


def _solve(
    transitions: np.ndarray, open_: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Fundamental matrix, conversion probability, contribution and gain of each node, for a stack of chains."""
    size = transitions.shape[1]
    inner = transitions[:, :, :size]
    visits = np.zeros(inner.shape)
    block = np.ix_(np.arange(len(inner)), open_, open_)
    try:
        visits[block] = np.linalg.inv(np.eye(open_.sum()) - inner[block])
    except np.linalg.LinAlgError:  # one bucket held the only way out of a loop: without it there is no answer
        visits[block] = np.nan
    reach = (visits @ transitions[:, :, size, None])[..., 0]
    own = np.where(open_, np.diagonal(visits, axis1=1, axis2=2), 1.0)
    from_start = reach[:, first, None]
    lost = visits[:, first] / own * reach / np.where(from_start > 0, from_start, np.nan)
    worth = np.append(reach, np.ones((len(reach), 1)), axis=1)  # of standing at each place, the main end last
    return visits, reach, lost, visits[:, first, :, None] * worth[:, None, :]


def _reaches(inner: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Which nodes can get to one of `targets` along positive moves."""
    reached = targets
    while True:
        wider = reached | ((inner > 0) @ reached)
        if (wider == reached).all():
            return reached
        reached = wider


def _steps(inner: np.ndarray, reach: np.ndarray) -> np.ndarray:
    converting = reach > 0
    towards = inner[np.ix_(converting, converting)] * reach[converting] / reach[converting][:, None]
    steps = np.full(len(reach), np.nan)
    steps[converting] = np.linalg.solve(np.eye(converting.sum()) - towards, np.ones(converting.sum()))
    return steps
