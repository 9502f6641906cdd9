"""Absorbing chains over journey paths, of order 1 and 2."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ml.credits import Design
from ml.paths import Paths

MAXIMUM_STATES = 2_000  # a dense inverse beyond takes seconds, and its jackknife minutes


def chain_design(paths: Paths, order: int) -> Design:
    """Moves between states as sums over paths, and removal effects as a function of them.

    Raises
    ------
    ValueError
        If the chain has more states than an exact inverse can bear.

    Notes
    -----
    A state is a channel (order 1) or a channel with the one before (order 2). Removing a channel sends every move into
    one of its states J to the null end; the loss is N_sJ (N_JJ)^-1 b_J. I - Q is never singular here: each state was
    left by a path that came to an end.
    """
    states, channel_of_state, starts = _states(paths, order)
    count = len(channel_of_state)
    if count > MAXIMUM_STATES:
        raise ValueError(
            f"a chain of order {order} over {len(paths.channels)} channels has {count} states "
            f"(at most {MAXIMUM_STATES}): use order 1 or group rare channels"
        )
    before = np.roll(states, 1) + 1
    before[starts[:-1]] = 0  # state 0 is the start
    moves, pairs = _compress(before * (count + 1) + states + 1, (count + 1) ** 2)
    out, into = np.divmod(pairs, count + 1)
    on_journeys = sparse.csc_array((np.ones(len(moves)), moves, starts), shape=(len(pairs), len(paths)))
    on_outcomes = sparse.csc_array(
        (np.ones(len(paths)), states[starts[1:] - 1], np.arange(len(paths) + 1)), shape=(count, len(paths))
    )
    members = [np.flatnonzero(channel_of_state == channel) + 1 for channel in range(len(paths.channels))]

    def effects(journeys: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
        chain = np.zeros((len(journeys), count + 1, count + 1))
        chain[:, out, into] = journeys
        left = chain.sum(axis=1)  # as often as a state is entered
        left[:, 0] = chain[:, 0].sum(axis=1)
        left = np.maximum(left, 1e-300)[..., None]  # a state nobody visits has no moves: its row stays zero
        visits = np.linalg.inv(np.eye(count + 1) - chain / left)
        ends = np.zeros((len(journeys), count + 1, outcomes.shape[2]))
        ends[:, 1:] = outcomes / left[:, 1:]
        reach = visits @ ends
        lost = np.empty((len(journeys), len(members), outcomes.shape[2]))
        for channel, own in enumerate(members):
            within = np.linalg.solve(visits[:, own[:, None], own], reach[:, own])
            lost[:, channel] = np.einsum("rj,rjk->rk", visits[:, 0, own], within)
        return lost / np.where(reach[:, :1] == 0, np.nan, reach[:, :1])

    return Design(on_journeys, on_outcomes, effects, cells=3 * (count + 1) ** 2)


def choose_order(paths: Paths, rng: np.random.Generator) -> int:
    """2 if the longer memory gives journeys it has not seen the higher log-likelihood in both folds, else 1.

    Two folds: persons by their bucket, or journeys by chance where the paths carry none. Chains are smoothed towards
    the next lower order with the weight of one journey.
    """
    states, channel_of_state, starts = _states(paths, 2)
    if len(channel_of_state) > MAXIMUM_STATES:
        return 1
    symbols = len(paths.channels) + 2  # the last two are the ends
    width = (len(channel_of_state) + 1) * symbols
    lasts = states[starts[1:] - 1] + 1
    context = np.roll(states, 1) + 1
    context[starts[:-1]] = 0
    steps = context * symbols + channel_of_state[states]
    rows = np.repeat(np.arange(len(paths)), np.diff(starts))
    lower = np.concatenate([[len(paths.channels)], channel_of_state])  # what order 1 remembers of a context

    def counts(conversions: np.ndarray, nulls: np.ndarray) -> np.ndarray:
        total = np.bincount(steps, (conversions + nulls)[rows], width)
        total += np.bincount(lasts * symbols + symbols - 2, conversions, width)
        return (total + np.bincount(lasts * symbols + symbols - 1, nulls, width)).reshape(-1, symbols)

    if paths.buckets is not None:
        odd = paths.buckets % 2 == 1
        folds = [counts(paths.conversions * fold, paths.nulls * fold) for fold in (odd, ~odd)]
    else:
        won, lost = (rng.binomial(column.astype(np.int64), 0.5) for column in (paths.conversions, paths.nulls))
        folds = [counts(won, lost), counts(paths.conversions - won, paths.nulls - lost)]

    gains = []
    for seen, unseen in (folds, folds[::-1]):
        short = np.zeros((len(paths.channels) + 1, symbols))
        np.add.at(short, lower, seen)
        order1 = ((short + 1 / symbols) / (short.sum(axis=1, keepdims=True) + 1))[lower]
        order2 = (seen + order1) / (seen.sum(axis=1, keepdims=True) + 1)
        gains.append(float((unseen * np.log(order2 / order1)).sum()))
    return 2 if min(gains) > 0 else 1


def _states(paths: Paths, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """State of each touch (consecutive touches of a channel joined), channel of each state, start of each path."""
    codes = paths.codes
    keep = np.ones(len(codes), dtype=bool)
    keep[1:] = codes[1:] != codes[:-1]
    keep[paths.starts[:-1]] = True
    starts = np.concatenate([[0], np.cumsum(np.add.reduceat(keep, paths.starts[:-1], dtype=np.int64))])
    codes, channels = codes[keep], len(paths.channels)
    if order == 1:
        return codes, np.arange(channels), starts
    before = np.roll(codes, 1)
    before[starts[:-1]] = channels
    states, keys = _compress(before * channels + codes, (channels + 1) * channels)
    return states, keys % channels, starts


def _compress(keys: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Index of each key among the distinct keys, and these, by lookup: sorting would cost more than solving."""
    occurs = np.zeros(size, dtype=bool)
    occurs[keys] = True
    return (np.cumsum(occurs, dtype=np.int32) - 1)[keys], np.flatnonzero(occurs)
