"""Files as Arrow tables: CSV, JSON lines, JSON, Parquet, Excel, plain or gzipped, from a folder or an fsspec URL."""

from __future__ import annotations

import glob
import hashlib
import io
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.sources.config import Feed
from orchestration.sources.csv_records import CsvReader
from orchestration.sources.deliveries import (
    JSON_COLUMN,
    ROW,
    Chunk,
    Delivery,
    Malformed,
    UnreadableError,
    check_columns,
    fill_day,
)
from orchestration.sources.errors import SourceError
from orchestration.sources.text_blocks import TextBlocks

_PARQUET_ROWS = 65_536


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """The files of a feed for the days, a `missing` delivery where there is none."""
    assert feed.path is not None
    found: list[Delivery] = []
    wanted: Sequence[date | None] = [day for day in days if feed.covers(day)] if feed.is_daily else [None]
    for day in wanted:
        pattern = fill_day(feed.path, day)
        paths = _list(pattern)
        if paths:
            found += [Delivery.of_day(feed, day, _short_name(feed, path), path) for path in paths]
        else:
            name = _short_name(feed, pattern)
            remedy = "deliver it and run the day again, limit the feed with from:/to:, or set required: false"
            found.append(Delivery.of_day(feed, day, name).fail("missing", f"{name} does not exist; {remedy}"))
    return found


def read_deliveries(deliveries: Sequence[Delivery], needed: Sequence[str] | None) -> Iterator[Chunk]:
    """Rows of the files, file by file. A file that cannot be used gets its state and problem, the others go on.

    Parameters
    ----------
    needed : sequence of str or None
        Source columns the mapping asks for; a file with columns that lacks one of them has drifted.
    """
    for delivery in deliveries:
        if delivery.state == "missing":
            continue
        digest = hashlib.sha256()
        try:
            with _open(delivery) as raw:
                for chunk in _READERS[delivery.feed.format or "csv"](delivery, _Hashing(raw, digest), needed):
                    delivery.rows_in += chunk.table.num_rows + len(chunk.malformed)
                    yield chunk
        except UnreadableError as error:
            delivery.fail(error.state, f"{delivery.name}: {error}")
        except OSError as error:
            delivery.fail(
                "missing", f"{delivery.name} cannot be read: {error.strerror or error}; check who may read it"
            )
        delivery.sha256 = digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Reads a file front to back and hashes what passes."""

    def __init__(self, raw: BinaryIO, digest: Any) -> None:
        self.raw = raw
        self.digest = digest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self.raw.read(size)
        self.digest.update(data)
        return data


def _csv(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    blocks = TextBlocks(raw, delivery)
    reader = CsvReader(delivery, needed)
    for block in blocks:
        if blocks.any_text:
            yield from _with_sound_text(reader.chunks(block, blocks.is_last), blocks)
    if not blocks.any_text:
        delivery.state = "empty"
    elif reader.rows == 0:
        delivery.state = "header_only"


def _json_lines(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    blocks = TextBlocks(raw, delivery)
    rows = 0
    for block in blocks:
        text = pa.StringArray.from_buffers(
            1, pa.py_buffer(_offsets(0, len(block))), pa.py_buffer(block)
        )  # one value holding the whole block: splitting it costs no Python object per line
        lines = pc.list_flatten(pc.split_pattern(text, "\n"))
        if block.endswith(b"\n"):
            lines = lines.slice(0, len(lines) - 1)
        lines = pc.utf8_trim_whitespace(lines)
        numbers = pa.array(range(rows + 1, rows + 1 + len(lines)), pa.int64())
        rows += len(lines)
        table = pa.table({JSON_COLUMN: lines, ROW: numbers})
        table = table.filter(pc.not_equal(lines, ""))
        if blocks.is_last and not block.endswith(b"\n") and table.num_rows:
            last = table[JSON_COLUMN][-1].as_py()
            if not _memory().execute("select json_valid(?)", [last]).fetchone()[0]:  # type: ignore[index]
                raise UnreadableError("truncated", "the last line breaks off; deliver the complete file again")
        yield from _with_sound_text([Chunk(delivery, table)], blocks)
    if not blocks.any_text:
        delivery.state = "empty"


def _json(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    text = b"".join(TextBlocks(raw, delivery)).decode()
    if not text.strip():
        delivery.state = "empty"
        return
    memory = _memory()
    if not memory.execute("select json_valid(?)", [text]).fetchone()[0]:  # type: ignore[index]
        raise UnreadableError("truncated", "is not complete JSON; deliver the complete file again")
    records = delivery.feed.records
    path = "$" + "".join(f'."{part}"' for part in records.split(".")) if records else "$"
    kind = memory.execute("select json_type(?, ?)", [text, path]).fetchone()[0]  # type: ignore[index]
    if kind != "ARRAY":
        place = f"at {records}" if records else "at its top (name the place under records:)"
        raise UnreadableError("drifted", f"has no list of records {place} but {kind or 'nothing'}")
    table = memory.execute(
        f"""select unnest(from_json(json_extract($text, $path), '["JSON"]'))::varchar as {JSON_COLUMN}""",
        {"text": text, "path": path},
    ).to_arrow_table()
    if table.num_rows == 0:
        delivery.state = "empty"
    yield Chunk(delivery, table.append_column(ROW, pa.array(range(1, table.num_rows + 1), pa.int64())))


def _parquet(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    while raw.read(1 << 20):  # the format is read from its end, so the hash is a pass of its own
        pass
    if raw.raw.tell() == 0:
        delivery.state = "empty"
        return
    try:
        file = pq.ParquetFile(raw.raw)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableError("truncated", f"is not a complete Parquet file ({error}); deliver it again") from error
    names = file.schema_arrow.names
    check_columns(names, needed)
    asked = {name.casefold() for name in needed or ()}
    columns = None if needed is None else [name for name in names if name.casefold() in asked]
    if file.metadata.num_rows == 0:
        delivery.state = "header_only"
    row = 1
    for batch in file.iter_batches(_PARQUET_ROWS, columns=columns):
        numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
        row += batch.num_rows
        yield Chunk(delivery, pa.Table.from_batches([batch]).append_column(ROW, numbers))


def _excel(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    import openpyxl

    content = raw.read()
    if not content:
        delivery.state = "empty"
        return
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book[delivery.feed.sheet] if delivery.feed.sheet else book.worksheets[0]
    except KeyError as error:
        raise UnreadableError("drifted", f"{error}; it has: {', '.join(book.sheetnames)}") from error
    except Exception as error:  # openpyxl raises whatever its zip and XML readers raise
        raise UnreadableError("truncated", f"is not a complete Excel file ({error}); deliver it again") from error
    rows = [row for row in sheet.iter_rows(values_only=True) if any(cell is not None for cell in row)]
    if not rows:
        delivery.state = "empty"
        return
    header = ["" if cell is None else str(cell).strip() for cell in rows[0]]
    check_columns(header, needed)
    if len(rows) == 1:
        delivery.state = "header_only"
    body = [[_cell(value, delivery.feed) for value in row] for row in rows[1:]]
    columns = {
        name: pa.array([row[index] for row in body], pa.string()) for index, name in enumerate(header) if name
    }  # fmt: skip
    yield Chunk(delivery, pa.table({**columns, ROW: pa.array(range(1, len(body) + 1), pa.int64())}))


_READERS = {"csv": _csv, "jsonl": _json_lines, "json": _json, "parquet": _parquet, "excel": _excel}


def _with_sound_text(chunks: Any, blocks: TextBlocks) -> Iterator[Chunk]:
    """Move rows whose bytes did not fit the encoding to the malformed ones; only looked for when there were any."""
    for chunk in chunks:
        if blocks.has_bad_bytes:
            texts = [name for name in chunk.table.column_names if name != ROW]
            mask = pa.array([False] * chunk.table.num_rows)
            for name in texts:
                mask = pc.or_(mask, pc.fill_null(pc.match_substring(chunk.table[name], "�"), False))
            reason = f"has bytes that are not {blocks.encoding}; set encoding: to the file's real one"
            broken = [
                Malformed(row[ROW], "bad_encoding", reason, " | ".join(str(row[name]) for name in texts))
                for row in chunk.table.filter(mask).to_pylist()
            ]
            chunk = Chunk(chunk.delivery, chunk.table.filter(pc.invert(mask)), [*chunk.malformed, *broken])
        yield chunk


def _cell(value: Any, feed: Feed) -> str | None:
    """An Excel cell as the text a CSV export would hold."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.15g}".replace(".", feed.decimal)
    formats = feed.timestamp_format or feed.date_format
    if isinstance(value, date) and formats and not formats[0].startswith("epoch"):
        return value.strftime(formats[0])
    return str(value)


def _offsets(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def _list(pattern: str) -> list[Any]:
    if "://" in pattern:
        filesystem, path = fsspec.core.url_to_fs(pattern)
        protocol = pattern.split("://", 1)[0]
        if glob.has_magic(path):
            return [f"{protocol}://{found}" for found in sorted(filesystem.glob(path))]
        return [pattern] if filesystem.exists(path) else []
    if glob.has_magic(pattern):
        return [Path(found) for found in sorted(glob.glob(pattern, recursive=True)) if Path(found).is_file()]
    return [Path(pattern)] if Path(pattern).is_file() else []


def _open(delivery: Delivery) -> Any:
    location = delivery.location
    if isinstance(location, str):
        return fsspec.open(location, "rb").open()
    real = location.resolve()
    if not any(real.is_relative_to(root) for root in (delivery.feed.directory, *delivery.feed.allowed)):
        raise SourceError(f"{location} is a link to {real}, outside the sources folder; name its folder under allow:")
    return open(real, "rb")


def _short_name(feed: Feed, path: Any) -> str:
    """Path below the folder it may be read from: what is stored names no folder of the machine."""
    for root in (feed.directory, *feed.allowed):
        if "://" not in str(path) and Path(path).is_relative_to(root):
            return str(Path(path).relative_to(root))
    return str(path)


def _memory() -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees no disk, for its JSON functions."""
    global _connection
    if _connection is None:
        _connection = duckdb.connect(config={"enable_external_access": "false"})
    return _connection.cursor()


_connection: duckdb.DuckDBPyConnection | None = None
