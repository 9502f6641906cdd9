"""Dry run of a sources file: connect, read a sample, show what becomes of it. Nothing is written."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TextIO

import pyarrow as pa

from orchestration.sources.config import Column, Feed, SourcesConfig
from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import COMPLETE_STATES, Delivery
from orchestration.sources.errors import SourceError
from orchestration.sources.load import batches, connect_feed
from orchestration.sources.mapping import Mapper, landing_schema
from orchestration.sources.pseudonyms import Pseudonymiser

SAMPLE_ROWS = 1_000
#: Some bad rows are how data is; this share of them is a mapping that does not fit.
_TOO_MANY = 0.05
_WIDTH = 60
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
    """

    feed: Feed
    delivery: str = ""
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)
    columns: list[tuple[str, str, str, str]] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)


def check_sources(config: SourcesConfig, *, key: bytes, timezone: str, now: datetime, out: TextIO = sys.stdout) -> int:
    """Try every feed and print source column -> contract column -> type -> example and what would be quarantined.

    Parameters
    ----------
    config : SourcesConfig
    key : bytes
        Secret of the pseudonyms that stand for persons in the examples.
    timezone : str
        Zone of wall-clock times whose feed names none.
    now : datetime
        The clock; aware. Days up to the one before are looked for.
    out : file, optional

    Returns
    -------
    int
        Number of problems: feeds that cannot be read, and reasons that would send more than 5 % of a sample to
        quarantine.
    """
    pseudonymiser = Pseudonymiser(key)
    problems = 0
    for feed in config.feeds:
        result = check_feed(feed, _days(config.start, now), pseudonymiser, timezone, now)
        out.write(_shown(result))
        problems += len(result.problems)
    feeds = "feed" if len(config.feeds) == 1 else "feeds"
    out.write(f"{len(config.feeds)} {feeds} tried, {problems or 'no'} problem{'' if problems == 1 else 's'}\n")
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
            result.columns.append((source, contract.name, _type_name(contract.type), _cut(str(example))))
        else:
            result.unmapped.append(contract.name)
    return result


def _days(start: date, now: datetime) -> list[date]:
    last = now.date() - timedelta(days=1)
    return [start + timedelta(days=number) for number in range((last - start).days + 1)] or [start]


def _sample(feed: Feed, days: Sequence[date], mapper: Mapper) -> tuple[Delivery, pa.Table]:
    covered = [day for day in days if feed.covers(day)]
    if feed.is_daily and not covered:
        raise SourceError(f"no day between {days[0]} and {days[-1]} lies within its from: and to:; correct them")
    if feed.kind == "rest" and feed.is_daily:
        covered = covered[-1:]  # one request, not one for every day since the start
    deliveries, chunks = connect_feed(feed, covered, mapper)
    if feed.kind == "files" and feed.is_daily:
        found = [delivery for delivery in deliveries if delivery.state != "missing"][:_SAMPLE_DAYS]
        deliveries, chunks = connect_feed(feed, [delivery.day for delivery in found] or covered[-1:], mapper)
    numbers = {id(delivery): number for number, delivery in enumerate(deliveries)}
    landed = [landing_schema(feed.entity).empty_table()]
    for batch in batches(chunks, numbers):
        if batch.table is not None:
            landed.append(mapper.map(batch.table.slice(0, SAMPLE_ROWS)).table)
        if batch.malformed:
            landed.append(mapper.malformed(batch.malformed[:SAMPLE_ROWS], batch.header))
        if sum(table.num_rows for table in landed) >= SAMPLE_ROWS:
            break
    spoilt = (delivery for delivery in deliveries if delivery.problem)
    delivery = next(spoilt, None) or next((delivery for delivery in deliveries if delivery.rows_in), deliveries[0])
    return delivery, pa.concat_tables(landed, promote_options="permissive")


def _described(column: Column) -> str:
    if column.source is not None:
        return column.source
    return f"= {column.const}" if column.const is not None else _cut(f"sql: {' '.join((column.sql or '').split())}")


def _type_name(kind: pa.DataType) -> str:
    names = {"string": "text", "int64": "whole number", "double": "number", "bool": "yes/no", "date32[day]": "date"}
    return names.get(str(kind), "point in time" if pa.types.is_timestamp(kind) else "amount")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "..."


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _shown(result: FeedCheck) -> str:
    feed = result.feed
    lines = [f"{feed.name} -> raw.{feed.entity} ({feed.kind}) {result.delivery}", ""]
    if result.columns:
        lines += _aligned([("source", "contract column", "type", "example"), *result.columns])
        lines += ["", f"{result.rows} rows read, {sum(count for count, _ in result.reasons.values())} to quarantine"]
    lines += [f"  {count} x {code}: {reason}" for code, (count, reason) in result.reasons.items()]
    if result.unmapped:
        lines += [f"not mapped, stays empty: {', '.join(result.unmapped)}"]
    lines += [f"PROBLEM: {problem}" for problem in result.problems]
    return "\n".join(lines) + "\n\n"
