"""Columns held as numpy arrays of one length, and the few operations the simulation needs on them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Columns = dict[str, np.ndarray]


def generator(seed: int, name: str) -> np.random.Generator:
    """One stream per purpose, so that a change in one part of the shop leaves the others as they were."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def length(columns: Mapping[str, np.ndarray]) -> int:
    return len(next(iter(columns.values())))


def take(columns: Mapping[str, np.ndarray], index: np.ndarray) -> Columns:
    return {name: values[index] for name, values in columns.items()}


def stack(parts: Iterable[Mapping[str, np.ndarray]]) -> Columns:
    """Rows of all parts, one after the other; every part has the same columns."""
    parts = list(parts)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def pick(rng: np.random.Generator, weights: Sequence[float] | np.ndarray, size: int) -> np.ndarray:
    """Indices drawn with the given weights."""
    sums = np.cumsum(np.asarray(weights, dtype=float))
    return np.searchsorted(sums, rng.random(size) * sums[-1], side="right")


def pick_rows(rng: np.random.Generator, weights: np.ndarray, row: np.ndarray) -> np.ndarray:
    """One index per entry of `row`, drawn with the weights of that row of a matrix."""
    sums = np.cumsum(weights, axis=1)
    sums /= sums[:, -1:]
    return (rng.random(len(row))[:, None] > sums[row]).sum(axis=1)


def within(groups: np.ndarray) -> np.ndarray:
    """0, 1, 2, ... inside each run of equal values."""
    if len(groups) == 0:
        return np.zeros(0, dtype=np.int64)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    return np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))


def texts(values: Sequence[str]) -> np.ndarray:
    return np.array(values, dtype=object)
