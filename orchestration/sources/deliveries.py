"""One delivery: a file, a day of an API or a day of a query, and the rows read from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from orchestration.sources.config import Feed
from orchestration.sources.errors import SourceError

#: A snapshot has no day of its own; one constant lets the next snapshot replace it.
SNAPSHOT_DATE = date(1970, 1, 1)
SNAPSHOT = "snapshot"

#: States that replace what the same window brought before. The others leave it untouched.
COMPLETE_STATES = ("loaded", "empty", "header_only")

#: Name of the only column of sources that deliver JSON records.
JSON_COLUMN = "_json"
#: The only column of files of plain lines, such as access logs.
LINE_COLUMN = "line"
ROW = "_row"


class UnreadableError(SourceError):
    """A delivery that cannot be used as it is; `state` says which kind of trouble it is."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(slots=True)
class Delivery:
    """What is known about one delivery; reading it fills in state, row count and hash.

    Attributes
    ----------
    window : str
        The business day in ISO form or `snapshot`.
    day : date
        Stored as `_delivery_date`.
    location : object
        What the connector needs to read it: a path, a request, a query.
    state : str
        loaded / empty / header_only, or missing / truncated / drifted: then `problem` says why and what to do.
    mapping : str or None
        Fingerprint of how its rows are mapped.
    is_asked : bool
        Whether the run is about its day; else the feed looks back to it.
    is_unchanged : bool
        Whether `raw` holds exactly this.
    after : object
        The newest cursor value of earlier deliveries, for feeds with one.
    columns : dict
        Columns of the source (JSON: paths) with their kind, whether anything uses them or not.
    notes : list of str
        What changed in the source and does no harm.
    """

    feed: Feed
    window: str
    day: date
    name: str
    location: Any = None
    state: str = "loaded"
    problem: str | None = None
    rows_in: int = 0
    sha256: str | None = None
    mapping: str | None = None
    is_asked: bool = True
    is_unchanged: bool = False
    after: Any = None
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def business_day(self) -> date | None:
        """The day it stands for; a snapshot has none."""
        return None if self.window == SNAPSHOT else self.day

    @classmethod
    def of_day(cls, feed: Feed, day: date | None, name: str, location: Any = None) -> Delivery:
        """A delivery of one day, or the snapshot when `day` is None."""
        if day is None:
            return cls(feed, SNAPSHOT, SNAPSHOT_DATE, name, location)
        return cls(feed, day.isoformat(), day, name, location)

    def fail(self, state: str, problem: str) -> Delivery:
        """Mark the delivery as unusable."""
        self.state, self.problem = state, problem
        return self


class Malformed(NamedTuple):
    """A record that could not be split into columns, as it stood in the source."""

    row: int
    code: str
    reason: str
    text: str


class Chunk(NamedTuple):
    """Some rows of one delivery: source columns (or JSON records) with their number in `_row`, counted from 1."""

    delivery: Delivery
    table: pa.Table
    malformed: Sequence[Malformed] = ()


def numbered(delivery: Delivery, table: pa.Table) -> Chunk:
    """The next rows of a delivery whose connector does not count them itself."""
    numbers = row_numbers(delivery.rows_in + 1, table.num_rows)
    delivery.rows_in += table.num_rows
    return Chunk(delivery, table.append_column(ROW, numbers))


def row_numbers(first: int, count: int) -> pa.Array:
    """Numbers of `count` rows that follow each other, as the column `_row` holds them."""
    return pa.array(np.arange(first, first + count, dtype=np.int64))


def fill_day(template: str, day: date | None, zone: str | None = None) -> str:
    """Replace `{day}`, `{day:%Y%m%d}`, `{next_day:...}`, `{day+7:...}`; nothing else is looked at or run.

    With a zone, a day begins at its midnight there (23 or 25 hours before the next one, at times): `%z` is the offset,
    and `{day_utc:...}`, `{day_unix}` (`{next_day_utc:...}`, `{next_day_unix}`) are that moment in UTC and in seconds,
    `{day_snowflake}` is the lowest id a Mastodon server gives to a post of that moment.
    """
    if day is None:
        return template

    def filled(match: re.Match[str]) -> str:
        ahead = {"day": 0, "next_day": 1}.get(match[1])
        asked = day + timedelta(days=int(match[1].removeprefix("day+")) if ahead is None else ahead)
        moment = datetime.combine(asked, time(), ZoneInfo(zone or "UTC"))
        if match[2] == "_snowflake":
            return str(int(moment.timestamp()) * 1000 << 16)
        if match[2] == "_unix":
            return str(int(moment.timestamp()))
        if match[2] == "_utc":
            return moment.astimezone(UTC).strftime(match[3] or "%Y-%m-%dT%H:%M:%SZ")
        return moment.strftime(match[3] or "%Y-%m-%d")

    return re.sub(r"\{(day|next_day|day\+\d{1,3})(_utc|_unix|_snowflake)?(?::([^{}]*))?\}", filled, template)


def check_columns(names: Sequence[str], needed: Sequence[str] | None) -> None:
    """Refuse duplicate names and name the columns that are gone; case does not matter, as in DuckDB."""
    folded = [name.casefold() for name in names if name]
    twice = sorted({name for name in folded if folded.count(name) > 1})
    if twice:
        raise UnreadableError("drifted", f"has two columns named {twice[0]!r}; have the source name them apart")
    gone = [name for name in needed or () if name.casefold() not in folded]
    if gone:
        raise UnreadableError(
            "drifted",
            f"has no column {', '.join(map(repr, gone))}, it has: {', '.join(map(repr, names))}{_guess(names, gone)}; "
            "correct columns: in the sources file or the delivery",
        )


def _guess(names: Sequence[str], gone: Sequence[str]) -> str:
    """What may have happened to a header, for the message."""
    if len(names) == 1:
        other = [mark for mark in (";", ",", "\t", "|") if mark in names[0]]
        return f" (is the delimiter {other[0]!r} now?)" if other else ""
    if any(re.fullmatch(r"[\d.,:/ +-]*\d[\d.,:/ +-]*", name) for name in names):
        return " (that looks like data: is the line with the names missing? Then give them under header:)"
    unused = {name.casefold(): name for name in names if name}
    close = {name: get_close_matches(name.casefold(), unused, n=1) for name in gone}
    found = [f"{name!r} is {unused[match[0]]!r} now" for name, match in close.items() if match]
    return f" (perhaps {', '.join(found)})" if found else ""
