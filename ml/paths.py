"""Journey paths as integer codes, and the transforms that shorten them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from ml.validation import Frame, numbers, require_choice, require_columns

TRANSFORMS = ("none", "unique", "exposure", "first", "remove_if_not_all", "remove_if_last_and_not_all")
VALUES = ("value", "margin")


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths with their counts, encoded.

    Attributes
    ----------
    channels : tuple of str
        In alphabetical order; `codes` index it.
    codes : ndarray of shape (n_touches,), int32
        Channel of each touch, path by path in order.
    starts : ndarray of shape (n_paths + 1,)
        Where each path begins in `codes`.
    conversions, nulls : ndarray of shape (n_paths,)
    values : mapping of str to ndarray of shape (n_paths,)
        Money of all conversions of the path.
    buckets : ndarray of shape (n_paths,) or None
        Group of persons, 0 .. n_buckets - 1 (only those that occur).
    """

    channels: tuple[str, ...]
    codes: np.ndarray
    starts: np.ndarray
    conversions: np.ndarray
    nulls: np.ndarray
    values: Mapping[str, np.ndarray]
    buckets: np.ndarray | None

    def __len__(self) -> int:
        return len(self.conversions)

    @property
    def journeys(self) -> np.ndarray:
        return self.conversions + self.nulls

    @property
    def rows(self) -> np.ndarray:
        """Path of each touch."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.starts)

    def outcomes(self) -> np.ndarray:
        """Conversions and values side by side, shape (n_paths, 1 + n_values)."""
        return np.column_stack([self.conversions, *self.values.values()])

    def presence(self) -> sparse.csc_array:
        """Which path contains which channel: ones in shape (n_channels, n_paths)."""
        marks = sparse.csr_array(  # of a copy: summing duplicates sorts the codes of each path
            (np.ones(len(self.codes)), self.codes.copy(), self.starts), shape=(len(self), len(self.channels))
        )
        marks.sum_duplicates()
        marks.data[:] = 1
        return marks.T


def encode(frame: Frame) -> Paths:
    """Encode a frame of paths.

    Parameters
    ----------
    frame : DataFrame or pyarrow.Table of shape (n_paths, >= 3)
        `path` (list of str), `conversions`, `nulls`; optional `value` and `margin` (money of the conversions), `bucket`
        (group of persons; the same path may then come once per bucket).

    Raises
    ------
    ValueError
        Naming the column, and the rows that break the contract.
    """
    require_columns(frame, ("path", "conversions", "nulls"), "paths")
    present = set(frame.columns if not isinstance(frame, pa.Table) else frame.column_names)
    channels, codes, lengths = _flatten(frame)
    conversions = numbers(frame, "conversions", "paths", minimum=0)
    nulls = numbers(frame, "nulls", "paths", minimum=0)
    values = {name: numbers(frame, name, "paths") for name in VALUES if name in present}
    for name, value in values.items():
        if (orphans := (value != 0) & (conversions == 0)).any():
            raise ValueError(f"paths.{name}: {orphans.sum()} of {len(value)} rows have money without a conversion")
    if conversions.sum() <= 0:
        raise ValueError(f"paths.conversions is 0 in all {len(conversions)} rows: nothing to credit")
    buckets = None
    if "bucket" in present:
        buckets = pd.factorize(numbers(frame, "bucket", "paths"), sort=True)[0]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Paths(channels, codes, starts, conversions, nulls, values, buckets)


def _flatten(frame: Frame) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Channels, codes of all touches and path lengths, through Arrow: no Python loop over touches."""
    column = frame["path"]
    try:
        lists = (
            column.combine_chunks()
            if isinstance(column, pa.ChunkedArray)
            else pa.array(column.to_numpy(), from_pandas=True)
        )
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"paths.path must hold lists of str ({len(column)} rows): {error}") from error
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.chunk(0)
    if not (pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type)):
        raise ValueError(f"paths.path must hold lists of str ({len(column)} rows); it holds {lists.type}")
    lengths = lists.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if (empty := lengths == 0).any():
        raise ValueError(f"paths.path: {empty.sum()} of {len(lengths)} paths are empty")
    touches = lists.flatten()
    if not (pa.types.is_string(touches.type) or pa.types.is_large_string(touches.type)):
        raise ValueError(f"paths.path must hold lists of str ({len(column)} rows); the lists hold {touches.type}")
    if touches.null_count:
        raise ValueError(f"paths.path: {touches.null_count} of {len(touches)} touches have no channel")
    encoded = touches.dictionary_encode()
    names = np.array(encoded.dictionary.to_pylist(), dtype=object)
    order = np.argsort(names)
    rank = np.empty(len(names), dtype=np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    return tuple(names[order]), rank[encoded.indices.to_numpy()], lengths


def transform_path(path: Sequence[str], transform: str, channel: str | None = None) -> list[str]:
    """Shorten one path before it is counted.

    Parameters
    ----------
    path : sequence of str
    transform : str
        `none` and `unique` keep every touch as its own; `exposure` joins consecutive touches of a channel; `first`
        keeps each channel's first touch; `remove_if_not_all` drops `channel` unless the path holds nothing else;
        `remove_if_last_and_not_all` drops `channel` from the end only, unless the path holds nothing else.
    channel : str, optional
        Needed by the last two, e.g. `direct`.

    Examples
    --------
    >>> transform_path("a a a Direct a Direct Direct".split(), "exposure")
    ['a', 'Direct', 'a', 'Direct']
    >>> transform_path("a a a Direct a Direct Direct".split(), "remove_if_last_and_not_all", "Direct")
    ['a', 'a', 'a', 'Direct', 'a']
    """
    require_choice(transform, TRANSFORMS, "transform")
    touches = list(path)
    if transform == "exposure":
        return [touch for touch, _ in groupby(touches)]
    if transform == "first":
        return list(dict.fromkeys(touches))
    if transform.startswith("remove"):
        if channel is None:
            raise ValueError(f"transform {transform!r} needs the channel to remove")
        others = [i for i, touch in enumerate(touches) if touch != channel]
        if others and transform == "remove_if_not_all":
            return [touches[i] for i in others]
        if others:
            return touches[: others[-1] + 1]
    return touches
