"""CSV blocks -> Arrow columns of text. Every record is either split or kept as it stood.

Arrow's parser is fast and lenient: a quote that is never closed swallows the lines after it without a word. So its
result is taken only where every line became one record; any other block goes through a strict parser that gives
swallowed lines back.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from orchestration.sources.deliveries import (
    ROW,
    Chunk,
    Delivery,
    Malformed,
    UnreadableError,
    check_columns,
    row_numbers,
)

#: A quoted field that runs over more lines than this is a quote somebody forgot to close.
_LONGEST_RECORD = 1_000

csv.field_size_limit(1 << 30)


class CsvReader:
    """Reads the blocks of one file.

    Attributes
    ----------
    rows : int
        Records so far, malformed ones included, blank lines and the header not.
    """

    def __init__(self, delivery: Delivery, needed: Sequence[str] | None) -> None:
        self._delivery = delivery
        self._feed = delivery.feed
        self._needed = needed
        self._header: list[str] | None = list(self._feed.header) or None
        self._rest = b""
        self.rows = 0
        if self._header:
            check_columns(self._header, needed)

    def chunks(self, block: bytes, is_last: bool) -> Iterator[Chunk]:
        """Rows of the next block."""
        block = self._rest + block
        self._rest = b""
        if b"\n" not in block and b"\r" in block:
            block = block.replace(b"\r", b"\n")
        if self._header is None:
            block = self._take_header(block)
        if block.strip():
            chunk = self._fast(block, is_last) or self._strict(block, is_last)
            yield self._without_headers(chunk)

    def _without_headers(self, chunk: Chunk) -> Chunk:
        """Set lines aside that repeat the names of the columns: files that were joined end to end."""
        is_header = pa.array([True] * chunk.table.num_rows, pa.bool_())
        for place, name in enumerate(self._header or ()):
            is_header = pc.and_(is_header, pc.equal(pc.utf8_trim_whitespace(chunk.table.column(place)), name))
            if not pc.any(is_header).as_py():
                return chunk
        text = self._feed.delimiter.join(self._header or ())
        repeated = [
            Malformed(row, "repeated_header", f"row {row} repeats the names of the columns", text)
            for row in chunk.table.filter(is_header)[ROW].to_pylist()
        ]
        return Chunk(chunk.delivery, chunk.table.filter(pc.invert(is_header)), [*chunk.malformed, *repeated])

    def _take_header(self, block: bytes) -> bytes:
        block = block.lstrip(b"\r\n")
        text = io.StringIO(block[: 1 << 20].decode(errors="ignore"), newline="")
        lines = iter(text.readline, "")
        taken = []

        def watched() -> Iterator[str]:
            for line in lines:
                taken.append(line)
                yield line

        self._header = [name.strip() for name in next(csv.reader(watched(), **self._dialect()), [])]
        check_columns(self._header, self._needed)
        return block[len("".join(taken).encode()) :]

    def _dialect(self) -> dict:
        quote = self._feed.quote
        if not quote:
            return {"delimiter": self._feed.delimiter, "quoting": csv.QUOTE_NONE}
        return {"delimiter": self._feed.delimiter, "quotechar": quote}

    def _names(self) -> list[str]:
        # A nameless column (a trailing delimiter in the header) still has to be counted.
        return [name or f"column_{index}" for index, name in enumerate(self._header or (), start=1)]

    def _fast(self, block: bytes, is_last: bool) -> Chunk | None:
        names = self._names()
        invalid: list[pa_csv.InvalidRow] = []

        def keep(row: pa_csv.InvalidRow) -> str:
            invalid.append(row)
            return "skip"

        quote = self._feed.quote
        has_quotes = bool(quote) and quote.encode() in block
        try:
            table = pa_csv.read_csv(
                pa.BufferReader(block),
                read_options=pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(block) + 1),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._feed.delimiter, quote_char=quote or False, newlines_in_values=has_quotes,
                    invalid_row_handler=keep,
                ),
                convert_options=pa_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names}, strings_can_be_null=False
                ),
            )  # fmt: skip
        except pa.ArrowInvalid:
            return None
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        if has_quotes and (
            table.num_rows + len(invalid) != lines or self._may_end_inside_quotes(block, table, invalid)
        ):
            return None
        if is_last and not block.endswith(b"\n") and invalid and invalid[-1].number == table.num_rows + len(invalid):
            self._refuse_broken_end(invalid[-1].actual_columns)
        bad = {row.number: row for row in invalid}
        numbers = range(1, table.num_rows + len(invalid) + 1)
        good = [self.rows + number for number in numbers if number not in bad] if bad else None
        malformed = [
            self._malformed(self.rows + number, row.text, row.actual_columns) for number, row in sorted(bad.items())
        ]
        rows = pa.array(good, pa.int64()) if good is not None else row_numbers(self.rows + 1, table.num_rows)
        self.rows += len(numbers)
        return Chunk(self._delivery, table.append_column(ROW, rows), malformed)

    def _may_end_inside_quotes(self, block: bytes, table: pa.Table, invalid: list[pa_csv.InvalidRow]) -> bool:
        """Whether the last line may open a field that the next block closes, or nothing does."""
        last_line = block[block.rfind(b"\n", 0, len(block) - 1) + 1 :]
        if last_line.count(self._feed.quote.encode()) % 2:
            return True
        if invalid and invalid[-1].number == table.num_rows + len(invalid):
            return self._feed.quote.encode() in last_line
        return table.num_rows > 0 and "\n" in table.column(table.num_columns - 1)[-1].as_py()

    def _strict(self, block: bytes, is_last: bool) -> Chunk:
        lines = [line + "\n" for line in block.decode().split("\n")]
        if lines[-1] == "\n":
            lines.pop()
        width = len(self._header or ())
        good: list[list[str]] = []
        numbers: list[int] = []
        malformed: list[Malformed] = []
        start = 0
        ends_well = block.endswith(b"\n")
        while start < len(lines):
            source = _Lines(lines, start)
            reader = csv.reader(source, strict=True, **self._dialect())
            while True:
                start = source.position
                source.limit = start + _LONGEST_RECORD
                try:
                    record = next(reader, None)
                except csv.Error:
                    record = []
                if record is None:
                    break
                span = source.position - start
                if record == [] and span == 1 and not lines[start].strip():
                    continue
                if len(record) == width and (record or width == 0):
                    self.rows += 1
                    good.append(record)
                    numbers.append(self.rows)
                    continue
                if not is_last and source.position >= len(lines) and span < _LONGEST_RECORD and not record:
                    self._rest = "".join(lines[start:]).encode()
                    start = len(lines)
                    break
                if is_last and start == len(lines) - 1 and not ends_well:
                    self._refuse_broken_end(len(record))
                self.rows += 1
                malformed.append(self._malformed(self.rows, lines[start].rstrip("\r\n"), len(record)))
                start += 1
                break
        columns = list(zip(*good, strict=True)) or [()] * width
        table = pa.table([pa.array(values, pa.string()) for values in columns], names=self._names())
        return Chunk(self._delivery, table.append_column(ROW, pa.array(numbers, pa.int64())), malformed)

    def _malformed(self, row: int, text: str, columns: int) -> Malformed:
        width = len(self._header or ())
        found = f"{columns} columns" if columns else "a quote that does not close properly"
        return Malformed(row, "malformed_row", f"row {row} has {found}, the header has {width}", text)

    def _refuse_broken_end(self, columns: int) -> None:
        if columns < len(self._header or ()):
            raise UnreadableError("truncated", "the last line breaks off; deliver the complete file again")


class _Lines:
    """Lines for csv.reader that end at a limit, so that an open quote cannot eat the whole file."""

    def __init__(self, lines: list[str], position: int) -> None:
        self._lines = lines
        self.position = position
        self.limit = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.position >= min(len(self._lines), self.limit):
            raise StopIteration
        self.position += 1
        return self._lines[self.position - 1]
