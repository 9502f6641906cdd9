"""Files, one per delivery day: text is cut out of one Arrow buffer, so that no row passes through Python."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

NameOf = Callable[[int], Path]


def _bounds(days: np.ndarray, first: int, last: int) -> np.ndarray:
    return np.searchsorted(days, np.arange(first, last + 1))


def write_lines(
    relation: duckdb.DuckDBPyRelation,
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
    relation : DuckDBPyRelation
        Columns `delivery` (day index) and `line` (text with its line end), ordered by `delivery`.
    name_of : callable
        Path of a day's file.
    first, last : int
        Days to write, the last one excluded; a day without rows gets a file with header and footer only.
    """
    table = relation.to_arrow_table().combine_chunks()
    if not table.num_rows:
        table = pa.table({"delivery": pa.array([], pa.int64()), "line": pa.array([], pa.string())})
    bounds = _bounds(table["delivery"].to_numpy(), first, last)
    lines = table["line"].combine_chunks()
    lines = lines.cast(pa.large_string())
    if isinstance(lines, pa.ChunkedArray):
        lines = lines.chunk(0) if lines.num_chunks else pa.array([], pa.large_string())
    offsets = np.frombuffer(lines.buffers()[1] or b"\0" * 8, dtype=np.int64) if len(lines) else np.zeros(1, np.int64)
    data = memoryview(lines.buffers()[2]) if len(lines) else memoryview(b"")
    for day, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), start=first):
        body = bytes(data[offsets[start + lines.offset] : offsets[end + lines.offset]])
        if encoding != "utf-8":
            body = body.decode().encode(encoding)
        content = header.encode(encoding) + body + footer.encode(encoding)
        path = name_of(day)
        path.write_bytes(gzip.compress(content, 1, mtime=0) if compress else content)


def write_parquet(table: pa.Table, name_of: NameOf, first: int, last: int) -> None:
    """Write one Parquet file per day of a table with the column `delivery`, by which it is sorted."""
    bounds = _bounds(table["delivery"].to_numpy(), first, last)
    table = table.drop_columns(["delivery"])
    for day, (start, end) in enumerate(zip(bounds[:-1], bounds[1:], strict=True), start=first):
        pq.write_table(table.slice(start, end - start), name_of(day), compression="zstd", use_dictionary=True)
