"""One delivery: a file, a day of an API or a day of a query, and the rows read from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

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


def fill_day(template: str, day: date | None) -> str:
    """Replace `{day}`, `{day:%Y%m%d}` and `{next_day:...}`; nothing else is looked at, so nothing else can be run."""
    if day is None:
        return template
    days = {"day": day, "next_day": day + timedelta(days=1)}
    return re.sub(
        r"\{(day|next_day)(?::([^{}]*))?\}",
        lambda match: days[match[1]].strftime(match[2]) if match[2] else days[match[1]].isoformat(),
        template,
    )


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
            f"has no column {', '.join(map(repr, gone))}, it has: {', '.join(map(repr, names))}; "
            "correct columns: in the sources file or the delivery",
        )
