"""Shapley values of channels, exact by channel subsets."""

from __future__ import annotations

from math import factorial
from typing import Literal

import numpy as np
from scipy import sparse

from ml.credits import ChannelCredits, Design, credit
from ml.paths import Paths, encode
from ml.validation import Frame, require_choice

MAXIMUM_CHANNELS = 16


def shapley_credit(
    paths: Frame,
    *,
    value_function: Literal["rate", "conversions"] = "rate",
    replicates: int = 200,
    rng: np.random.Generator | None = None,
) -> ChannelCredits:
    """Credit channels by their Shapley value; the order of touches does not count.

    Parameters
    ----------
    paths, replicates, rng
        As in `ml.attribution.markov_credit`.
    value_function : 'rate' or 'conversions'
        What a coalition S of channels is worth. 'rate': conversions per journey among journeys whose channels all lie
        in S, nulls included. 'conversions': the number of these conversions; its Shapley value is exactly the equal
        split of each conversion over the distinct channels of its journey, and is computed so, for any number of
        channels.

    Returns
    -------
    ChannelCredits
        `details["unseen_coalitions"]` counts coalitions no journey lies in: they are worth 0, as no journey without any
        contact converts. A channel that lowers the rate of the coalitions it joins has negative credit.

    Raises
    ------
    ValueError
        As `markov_credit`, and for more than 16 channels with 'rate'.

    Notes
    -----
    Shapley (1953); for channels Zhao et al. (2018), "Shapley value methods for attribution modeling in online
    advertising", arXiv:1804.05327, whose closed form is the equal split.
    """
    require_choice(value_function, ("rate", "conversions"), "value_function")
    encoded = encode(paths)
    presence = encoded.presence()
    if value_function == "conversions":
        split = presence / presence.sum(axis=0)
        design = Design(
            sparse.csc_array((0, len(encoded))), split.tocsc(), lambda _, sums: sums, cells=presence.shape[0]
        )
        return credit("shapley", encoded, design, replicates=replicates, rng=rng)
    if len(encoded.channels) > MAXIMUM_CHANNELS:
        raise ValueError(
            f"{len(encoded.channels)} channels make 2 ** {len(encoded.channels)} coalitions (at most "
            f"{MAXIMUM_CHANNELS} channels): group rare channels or use value_function='conversions'"
        )
    design, unseen = _rate_design(encoded, presence)
    details = {"unseen_coalitions": float(unseen)}
    return credit("shapley", encoded, design, replicates=replicates, rng=rng, can_be_negative=True, details=details)


def _rate_design(paths: Paths, presence: sparse.csc_array) -> tuple[Design, int]:
    channels = len(paths.channels)
    subset = (presence.T @ (1 << np.arange(channels))).astype(np.int64)
    members = sparse.csc_array(
        (np.ones(len(paths)), subset, np.arange(len(paths) + 1)), shape=(1 << channels, len(paths))
    )
    size = np.array([bin(s).count("1") for s in range(1 << channels)])
    weight = np.array([factorial(k) * factorial(channels - k - 1) / factorial(channels) for k in range(channels)] + [0])

    def within(sums: np.ndarray) -> np.ndarray:
        """Sums over all subsets of each coalition, in place, along axis 1."""
        for bit in range(channels):
            halves = sums.reshape(len(sums), -1, 2, 1 << bit, sums.shape[-1])
            halves[:, :, 1] += halves[:, :, 0]
        return sums

    def effects(journeys: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
        known = within(np.array(journeys, dtype=float)[..., None])
        worth = within(np.array(outcomes, dtype=float)) / np.where(known > 0, known, np.inf)
        shapley = np.empty((len(worth), channels, worth.shape[2]))
        for bit in range(channels):
            halves = worth.reshape(len(worth), -1, 2, 1 << bit, worth.shape[2])
            joins = weight[size].reshape(-1, 2, 1 << bit)[:, 0]
            shapley[:, bit] = np.einsum("rhlk,hl->rk", halves[:, :, 1] - halves[:, :, 0], joins)
        return shapley

    seen = within((members @ paths.journeys)[None, :, None])[0, :, 0] > 0
    return Design(members, members, effects, cells=6 << channels), int((~seen[1:]).sum())
