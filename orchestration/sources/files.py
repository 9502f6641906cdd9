"""Files as Arrow tables: CSV, lines of text, JSON lines, JSON, Parquet, Excel, plain or packed."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.sources.column_facts import facts_of
from orchestration.sources.config import Feed
from orchestration.sources.csv_records import CsvReader
from orchestration.sources.deliveries import (
    COMPLETE_STATES,
    JSON_COLUMN,
    LINE_COLUMN,
    ROW,
    Chunk,
    Delivery,
    Malformed,
    UnreadableError,
    check_columns,
    fill_day,
    row_numbers,
)
from orchestration.sources.errors import SourceError
from orchestration.sources.expressions import json_functions
from orchestration.sources.locations import explained, find, opened, short_name, unfinished
from orchestration.sources.records import split_records, with_answer
from orchestration.sources.source_columns import kind_of
from orchestration.sources.text_blocks import TextBlocks

_PARQUET_ROWS = 65_536
_LARGEST_DOCUMENT = 256 << 20
_OURS = (SourceError, duckdb.Error, TypeError, AttributeError, KeyError, AssertionError)


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """The files of a feed for the days, a `missing` delivery where there is none."""
    assert feed.path is not None
    found: list[Delivery] = []
    for day in feed.windows(days):
        found += _of_day(feed, day, fill_day(feed.path, day))
    return found


def _of_day(feed: Feed, day: date | None, pattern: str) -> list[Delivery]:
    name = short_name(feed, pattern)
    try:
        found = find(feed, pattern)
    except UnreadableError as error:
        return [Delivery.of_day(feed, day, name).fail(error.state, f"{name} {error}")]
    if found:
        return [Delivery.of_day(feed, day, name, location) for name, location in found]
    begun = unfinished(feed, pattern)
    what = f"is not complete yet ({', '.join(begun)})" if begun else "does not exist"
    remedy = "deliver it and run the day again, limit the feed with from:/to:, or set required: false"
    return [Delivery.of_day(feed, day, name).fail("missing", f"{name} {what}; {remedy}")]


def read_deliveries(deliveries: Sequence[Delivery], needed: Sequence[str] | None) -> Iterator[Chunk]:
    """Rows of the files, file by file. A file that cannot be used gets its state and problem, the others go on.

    Parameters
    ----------
    needed : sequence of str or None
        Source columns the mapping asks for; a file with columns that lacks one of them has drifted.
    """
    for delivery in deliveries:
        if delivery.state not in COMPLETE_STATES:
            continue
        digest = hashlib.sha256()
        try:
            with opened(delivery.feed, delivery.location) as raw:
                for chunk in _READERS[delivery.feed.format or "csv"](delivery, _Hashing(raw, digest), needed):
                    delivery.rows_in += chunk.table.num_rows + len(chunk.malformed)
                    yield chunk
        except Exception as error:
            _fail(delivery, error)
        delivery.sha256 = digest.hexdigest()


def sha256(delivery: Delivery) -> str | None:
    """Hash of a file's bytes, the same that reading it gives; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with opened(delivery.feed, delivery.location) as raw:
            while data := raw.read(1 << 20):
                digest.update(data)
    except Exception as error:
        _fail(Delivery(delivery.feed, delivery.window, delivery.day, delivery.name, delivery.location), error)
        return None
    return digest.hexdigest()


def _fail(delivery: Delivery, error: Exception) -> None:
    """Note what became of a file; what is no trouble of the file but of the feed or the code goes on."""
    if isinstance(error, UnreadableError):
        delivery.fail(error.state, f"{delivery.name}: {error}")
    elif isinstance(error, OSError) or (delivery.location.filesystem is not None and not isinstance(error, _OURS)):
        # Drivers of remote files have exceptions of their own.
        why = explained(delivery.feed, error) if delivery.location.filesystem else error.strerror or error  # type: ignore[attr-defined]
        delivery.fail("missing", f"{delivery.name} cannot be read: {why}; check that it is there and who may read it")
    else:
        raise error


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


def _lines(delivery: Delivery, raw: _Hashing, column: str) -> Iterator[tuple[Chunk, TextBlocks, bool]]:
    """Lines that are not blank, with their place in the file, and whether the last of them has no line end."""
    blocks = TextBlocks(raw, delivery)
    rows = 0
    for block in blocks:
        text = pa.StringArray.from_buffers(
            1, pa.py_buffer(_offsets(0, len(block))), pa.py_buffer(block)
        )  # one value holding the whole block: splitting it costs no Python object per line
        lines = pc.list_flatten(pc.split_pattern(text, "\n"))
        if block.endswith(b"\n"):
            lines = lines.slice(0, len(lines) - 1)
        facts = facts_of(pa.chunked_array([lines]))
        if facts.padded:
            lines = pc.utf8_trim_whitespace(lines)
        numbers = row_numbers(rows + 1, len(lines))
        rows += len(lines)
        table = pa.table({column: lines, ROW: numbers})
        if facts.padded or facts.empty:
            table = table.filter(pc.not_equal(lines, ""))
        yield Chunk(delivery, table), blocks, blocks.is_last and not block.endswith(b"\n")
    if not blocks.any_text:
        delivery.state = "empty"


def _json_lines(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    for chunk, blocks, is_open in _lines(delivery, raw, JSON_COLUMN):
        if is_open and chunk.table.num_rows:
            last = chunk.table[JSON_COLUMN][-1].as_py()
            if not json_functions().cursor().execute("select json_valid(?)", [last]).fetchone()[0]:  # type: ignore[index]
                raise UnreadableError("truncated", "the last line breaks off; deliver the complete file again")
        yield from _with_sound_text([chunk], blocks)


def _text(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    check_columns([LINE_COLUMN], needed)
    for chunk, blocks, _ in _lines(delivery, raw, LINE_COLUMN):
        yield from _with_sound_text([chunk], blocks)


def _json(delivery: Delivery, raw: _Hashing, needed: Sequence[str] | None) -> Iterator[Chunk]:
    blocks = TextBlocks(raw, delivery)
    text = b"".join(_limited(blocks)).decode()
    if not text.strip():
        delivery.state = "empty"
        return
    memory = json_functions().cursor()
    if not memory.execute("select json_valid(?)", [text]).fetchone()[0]:  # type: ignore[index]
        raise UnreadableError("truncated", "is not complete JSON; deliver the complete file again")
    feed = delivery.feed
    records = feed.records
    if feed.carry or feed.records_shape != "rows" or "[]" in (records or ""):
        document = json.loads(text)
        found = with_answer(split_records(document, records, feed.records_shape), document, feed.carry)
        texts = [json.dumps(record, ensure_ascii=False) for record in found]
        delivery.state = "loaded" if texts else "empty"
        numbers = row_numbers(1, len(texts))
        chunk = Chunk(delivery, pa.table({JSON_COLUMN: pa.array(texts, pa.string()), ROW: numbers}))
        yield from _with_sound_text([chunk], blocks)
        return
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
    chunk = Chunk(delivery, table.append_column(ROW, row_numbers(1, table.num_rows)))
    yield from _with_sound_text([chunk], blocks)


def _limited(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A JSON document has to be in memory as a whole; everything else is read in blocks."""
    size = 0
    for block in blocks:
        size += len(block)
        if size > _LARGEST_DOCUMENT:
            raise UnreadableError(
                "drifted", f"is a JSON document of more than {_LARGEST_DOCUMENT:,} bytes; use JSON lines"
            )
        yield block


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
    delivery.columns = {field.name: kind_of(field.type) for field in file.schema_arrow}
    asked = {name.casefold() for name in needed or ()}
    columns = None if needed is None else [name for name in names if name.casefold() in asked]
    if file.metadata.num_rows == 0:
        delivery.state = "header_only"
    row = 1
    for batch in file.iter_batches(_PARQUET_ROWS, columns=columns):
        numbers = row_numbers(row, batch.num_rows)
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
    delivery.columns = {name: _kind(row[index] for row in rows[1:]) for index, name in enumerate(header) if name}
    body = [[_cell(value, delivery.feed) for value in row] for row in rows[1:]]
    columns = {
        name: pa.array([row[index] for row in body], pa.string()) for index, name in enumerate(header) if name
    }  # fmt: skip
    yield Chunk(delivery, pa.table({**columns, ROW: row_numbers(1, len(body))}))


_READERS = {"csv": _csv, "text": _text, "jsonl": _json_lines, "json": _json, "parquet": _parquet, "excel": _excel}


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


def _kind(cells: Iterable[Any]) -> str:
    """What kind of values a column of cells holds; one text among numbers makes it text."""
    kinds = {
        "text" if isinstance(cell, str) else "flag" if isinstance(cell, bool)
        else "number" if isinstance(cell, (int, float)) else "time"
        for cell in cells if cell is not None
    }  # fmt: skip
    return "text" if "text" in kinds or len(kinds) > 1 else kinds.pop() if kinds else "empty"


def _offsets(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)
