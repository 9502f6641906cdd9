"""Dry run of a sources file: connect, read a sample, show what becomes of it. Nothing is written."""

from __future__ import annotations

import re
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from typing import TextIO

import pyarrow as pa

from orchestration.sources.config import Column, Feed, SourcesConfig
from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import COMPLETE_STATES, Delivery
from orchestration.sources.errors import SourceError
from orchestration.sources.load import batches, connect_feed, find_deliveries
from orchestration.sources.mapping import Mapper, landing_schema
from orchestration.sources.pseudonyms import Keys, Pseudonymiser
from orchestration.sources.source_columns import observed

SAMPLE_ROWS = 1_000
#: Some bad rows are how data is; this share of them is a mapping that does not fit.
_TOO_MANY = 0.05
#: Widths of a source column or expression, of an example (a pseudonym just fits) and of a line.
_SOURCE, _EXAMPLE, _LINE = 30, 32, 100
#: The first days that were delivered: on one day alone there may be nothing.
_SAMPLE_DAYS = 14


@dataclass(slots=True)
class FeedCheck:
    """What a sample of one feed showed.

    Attributes
    ----------
    problems : list of str
        What has to be mended before the feed can be loaded.
    reasons : dict
        Reason code -> (rows of the sample, the first reason in words).
    columns : list of (source, contract column, type, example)
        The mapping, personal examples as pseudonyms.
    unmapped : list of str
        Contract columns nobody fills.
    unused : list of str
        Source columns that nothing in the mapping reads.
    """

    feed: Feed
    delivery: str = ""
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)
    columns: list[tuple[str, str, str, str]] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def check_sources(
    config: SourcesConfig,
    *,
    key: Keys,
    timezone: str,
    now: datetime,
    only: str | None = None,
    out: TextIO = sys.stdout,
) -> int:
    """Try every feed and print source column -> contract column -> type -> example and what would be quarantined.

    Parameters
    ----------
    config : SourcesConfig
    key : bytes or sequence of bytes
        Secret of the pseudonyms that stand for persons in the examples.
    timezone : str
        Zone of wall-clock times whose feed names none.
    now : datetime
        The clock; aware. Days up to the one before are looked for.
    only : str, optional
        Name of the one feed to try.
    out : file, optional

    Raises
    ------
    SourceError
        There is no such feed.

    Returns
    -------
    int
        Number of problems: feeds that cannot be read, and reasons that would send more than 5 % of a sample to
        quarantine.
    """
    pseudonymiser = Pseudonymiser(key)
    problems = 0
    feeds = [feed for feed in config.feeds if only in (None, feed.name)]
    if not feeds:
        names = [feed.name for feed in config.feeds]
        close = get_close_matches(only or "", names, n=1) or names
        raise SourceError(f"there is no feed {only}; did you mean {', '.join(close)}?")
    for feed in feeds:
        result = check_feed(feed, _days(config.start, now), pseudonymiser, timezone, now)
        out.write(_shown(result))
        problems += len(result.problems)
    tried = f"{len(feeds)} feed{'' if len(feeds) == 1 else 's'}"
    out.write(f"{tried} tried, {problems or 'no'} problem{'' if problems == 1 else 's'}\n")
    return problems


def check_feed(
    feed: Feed, days: Sequence[date], pseudonymiser: Pseudonymiser, timezone: str, now: datetime
) -> FeedCheck:
    """Read a sample of the first days that were delivered and map it."""
    result = FeedCheck(feed)
    try:
        mapper = Mapper(feed, pseudonymiser, timezone, now)
        delivery, table = _sample(feed, days, mapper)
    except SourceError as error:
        result.problems.append(str(error))
        return result
    result.delivery = f"{delivery.name} ({delivery.state})"
    result.rows = table.num_rows
    if delivery.state not in COMPLETE_STATES:
        result.problems.append(delivery.problem or delivery.state)
    counts = Counter(code for code in table["_reason_code"].to_pylist() if code is not None)
    for code, count in counts.most_common():
        reason = next(row["_reason"] for row in table.to_pylist() if row["_reason_code"] == code)
        result.reasons[code] = (count, reason)
        if count > _TOO_MANY * table.num_rows:
            result.problems.append(f"{count} of {table.num_rows} rows would be quarantined as {code}: {reason}")
    for contract in ENTITIES[feed.entity].schema:
        if contract.name in feed.columns:
            example = next((value for value in table[contract.name].to_pylist() if value is not None), "")
            source = _described(feed.columns[contract.name])
            result.columns.append((source, contract.name, _type_name(contract.type), _cut(str(example), _EXAMPLE)))
        else:
            result.unmapped.append(contract.name)
    used = {name.casefold() for name in mapper.needed} | {name.casefold() for name in feed.pii}
    result.unused = [name for name in delivery.columns if re.split(r"[.\[]", name)[0].casefold() not in used]
    return result


def _days(start: date, now: datetime) -> list[date]:
    last = now.date() - timedelta(days=1)
    return [start + timedelta(days=number) for number in range((last - start).days + 1)] or [start]


def _sample(feed: Feed, days: Sequence[date], mapper: Mapper) -> tuple[Delivery, pa.Table]:
    covered = feed.covered(days)
    if feed.is_daily and not covered:
        raise SourceError(f"no day between {days[0]} and {days[-1]} lies within its from: and to:; correct them")
    if feed.kind == "rest" and feed.is_daily:
        covered = covered[-1:]  # one request, not one for every day since the start
    if feed.kind == "files" and feed.is_daily:
        covered = _delivered(feed, covered) or covered[-1:]
    deliveries, chunks = connect_feed(feed, covered, mapper)
    numbers = {id(delivery): number for number, delivery in enumerate(deliveries)}
    landed = [landing_schema(feed.entity).empty_table()]
    for batch in batches(observed(chunks), numbers):
        if batch.table is not None:
            landed.append(mapper.map(batch.table.slice(0, SAMPLE_ROWS)).table)
        if batch.malformed:
            landed.append(mapper.malformed(batch.malformed[:SAMPLE_ROWS], batch.header))
        if sum(table.num_rows for table in landed) >= SAMPLE_ROWS:
            break
    spoilt = (delivery for delivery in deliveries if delivery.problem)
    delivery = next(spoilt, None) or next((delivery for delivery in deliveries if delivery.rows_in), deliveries[0])
    return delivery, pa.concat_tables(landed, promote_options="permissive")


def _delivered(feed: Feed, days: Sequence[date]) -> list[date]:
    """The first days that files are there for; looked for day by day, a server need not list a year."""
    found: list[date] = []
    for day in days:
        if any(delivery.state != "missing" for delivery in find_deliveries(feed, [day])):
            found.append(day)
        if len(found) == _SAMPLE_DAYS:
            break
    return found


def _described(column: Column) -> str:
    if column.source is not None:
        return column.source
    return (
        f"= {column.const}"
        if column.const is not None
        else _cut(f"sql: {' '.join((column.sql or '').split())}", _SOURCE)
    )


def _type_name(kind: pa.DataType) -> str:
    names = {"string": "text", "int64": "whole number", "double": "number", "bool": "yes/no", "date32[day]": "date"}
    return names.get(str(kind), "point in time" if pa.types.is_timestamp(kind) else "amount")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _shown(result: FeedCheck) -> str:
    feed = result.feed
    lines = [f"{feed.name} -> raw.{feed.entity} ({feed.kind}) {result.delivery}", ""]
    if result.columns:
        lines += _aligned([("source", "contract column", "type", "example"), *result.columns])
        lines += ["", f"{result.rows} rows read, {sum(count for count, _ in result.reasons.values())} to quarantine"]
    lines += _wrapped([f"  {count} x {code}: {reason}" for code, (count, reason) in result.reasons.items()])
    if result.unmapped:
        lines += _wrapped([f"not mapped, stays empty: {', '.join(result.unmapped)}"])
    if result.unused:
        lines += _wrapped([f"in the source, nothing uses it: {', '.join(result.unused)}"])
        lines += _wrapped(_guesses(result.unmapped, result.unused))
    lines += _wrapped([f"PROBLEM: {problem}" for problem in result.problems])
    return "\n".join(lines) + "\n\n"


def _guesses(unmapped: Sequence[str], unused: Sequence[str]) -> list[str]:
    """Pairs of names that look as if they belonged together."""

    def plain(name: str) -> str:
        return re.sub(r"[^a-z0-9]", "", name.casefold())

    sources = {plain(name): name for name in unused}
    pairs = [(name, get_close_matches(plain(name), sources, n=1, cutoff=0.75)) for name in unmapped]
    found = [f"{name}: {sources[match[0]]}" for name, match in pairs if match]
    return [f"perhaps these belong together, then add under columns: {'; '.join(found)}"] if found else []


def _wrapped(lines: Sequence[str]) -> list[str]:
    return [
        part
        for line in lines
        for part in textwrap.wrap(
            line, _LINE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
        ) or [""]
    ]  # fmt: skip
