"""Files, one per delivery day: text is cut out of one Arrow buffer, so that no row passes through Python."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sources.demo.columns import Columns

NameOf = Callable[[int], Path]


def _bounds(days: np.ndarray, first: int, last: int) -> np.ndarray:
    return np.searchsorted(days, np.arange(first, last + 1))


def write_lines(
    table: pa.Table,
    name_of: NameOf,
    first: int,
    last: int,
    *,
    header: str = "",
    footer: str = "",
    encoding: str = "utf-8",
    compress: bool = False,
) -> None:
    """Write one text file per day.

    Parameters
    ----------
    table : Table
        Columns `delivery` (day index), by which it is sorted, and `line` (text with its line end).
    name_of : callable
        Path of a day's file.
    first, last : int
        Days to write, the last one excluded; a day without rows gets a file with header and footer only.
    """
    bounds = _bounds(table["delivery"].to_numpy(), first, last)
    lines = pa.concat_arrays(table["line"].cast(pa.large_string()).chunks or [pa.array([], pa.large_string())])
    _, starts, text = lines.buffers()
    offsets = np.frombuffer(starts, dtype=np.int64) if len(lines) else np.zeros(1, dtype=np.int64)
    data = memoryview(text) if text else memoryview(b"")
    for day, (start, end) in enumerate(pairwise(offsets[bounds + lines.offset].tolist()), start=first):
        body = bytes(data[start:end])
        if encoding != "utf-8":
            body = body.decode().encode(encoding)
        content = header.encode(encoding) + body + footer.encode(encoding)
        name_of(day).write_bytes(gzip.compress(content, 1, mtime=0) if compress else content)


def write_parquet(table: pa.Table, name_of: NameOf, first: int, last: int) -> None:
    """Write one Parquet file per day of a table with the column `delivery`, by which it is sorted."""
    bounds = _bounds(table["delivery"].to_numpy(), first, last).tolist()
    table = table.drop_columns(["delivery"])
    for day, (start, end) in enumerate(pairwise(bounds), start=first):
        pq.write_table(table.slice(start, end - start), name_of(day), compression="zstd")


def to_table(columns: Columns) -> pa.Table:
    """Arrow table of columns; object arrays are text."""
    return pa.table({k: pa.array(v, pa.string()) if v.dtype == object else pa.array(v) for k, v in columns.items()})
