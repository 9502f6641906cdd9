"""The query that casts mapped rows to the contract and says of each row what is wrong with it, if anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

import pyarrow as pa

from orchestration.sources import casts
from orchestration.sources.casts import identifier, quoted
from orchestration.sources.column_facts import UNKNOWN, Facts
from orchestration.sources.config import Feed
from orchestration.sources.contract import CLOCK_TOLERANCE, ENTITIES, INSTANT, TEXT, Entity
from orchestration.sources.deliveries import ROW

DELIVERY = "_delivery"
#: The business day of a row's delivery; NULL for a snapshot.
DAY = "_delivery_day"
#: Place of a row in its batch: joins may bring rows back in another order.
PLACE = "_place"
#: Name of the expression that failed on the row, set by the mapping.
FAILED = "_failed"

_SQL_TYPES = {
    pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", pa.decimal128(18, 2): "decimal(18, 2)",
    pa.date32(): "date", INSTANT: "timestamptz", TEXT: "varchar",
}  # fmt: skip
#: Free text in which people leave addresses; addresses of pages have digits that only look like telephone numbers.
SCRUBBED = {
    ("web_events", "page_url"): "scrub_email", ("web_events", "referrer_url"): "scrub_email",
    ("web_events", "properties"): "scrub_email", ("web_events", "search_term"): "scrub_text",
    ("social_posts", "text"): "scrub_text", ("social_posts", "topic"): "scrub_text",
    ("social_posts", "url"): "scrub_post_url",
}  # fmt: skip
#: Columns that hold JSON.
_JSON = ("properties",)
_SPLIT = "chr(31)"


def verdict_query(
    feed: Feed, mapped: pa.Schema, facts: Mapping[str, Facts], zone: str, business_zone: str, now: datetime
) -> tuple[str, list[str]]:
    """Query over the relation `mapped`.

    Parameters
    ----------
    feed : Feed
        Whose notation the texts are in.
    mapped : pyarrow.Schema
        Mapped contract columns, as text or typed, with `_place`, `_delivery`, `_delivery_day`,
        `_row` and `_failed`.
    facts : mapping of str to Facts
        What may occur in the text columns; whatever a column cannot need is not looked for in its rows.
    zone : str
        Of wall-clock times.
    business_zone : str
        Of the business day.
    now : datetime
        Rows more than ten minutes later are not believed.

    Returns
    -------
    str
        Gives `_place`, the contract's columns that are cast or changed, `_is_ambiguous` (a wall-clock time that exists
        twice) and `_fault` (NULL for a row that passes; the first fault counts), which `reasons_query` takes apart.
    list of str
        Columns of the contract that stay as they are in `mapped`: copying texts is most of the work.
    """
    entity = ENTITIES[feed.entity]
    present = [field for field in entity.schema if field.name in mapped.names]
    cleaned = {
        f.name: casts.cleaned(f.name, mapped.field(f.name).type, f.type, feed, facts.get(f.name, UNKNOWN))
        for f in present
    }
    clean = [f"{expression} as {identifier(name)}" for name, expression in cleaned.items()]
    parsed, values, gaps, doubles, faults = [], [], [], ["false"], []
    clocks: list[str] = []
    joins: list[str] = []
    kept: list[str] = []
    for field in entity.schema:
        name, column, raw = field.name, identifier(field.name), identifier(field.name + "__raw")
        seen = facts.get(name, UNKNOWN)
        if field not in present:
            # The rules below may ask for it.
            values.append(f"null::{_SQL_TYPES[field.type]} as {column}")
            continue
        arrow = mapped.field(name).type
        parsed.append(f"{column} as {raw}")
        if field.type == INSTANT:
            zoned, local, clock = (identifier(name + end) for end in ("__zoned", "__local", "__clock"))
            zoned_sql, local_sql = casts.zoned_and_local(name, arrow, feed)
            parsed += [f"{zoned_sql} as {zoned}", f"{local_sql} as {local}"]
            clocks.append(f"{clock} as ({_clock_query(name, cleaned[name], local_sql, zone)})")
            joins.append(f"left join {clock} on {clock}.quarter = {casts.quarter_hour(local)}")
            value = f"coalesce({zoned}, {clock}.instant + ({local} - {clock}.quarter))"
            gaps.append(_fault("nonexistent_local_time", name, raw, f"does not exist in {zone}", f"{clock}.is_gap"))
            doubles.append(f"coalesce({clock}.is_double, false)")
        else:
            value = casts.typed(name, arrow, field.type, feed)
            scrub = SCRUBBED.get((entity.name, name))
            if scrub is not None and (seen.address or scrub != "scrub_email"):
                value = f"{scrub}({value})"
        values.append(f"{value} as {column}")
        if arrow == TEXT and value == column and cleaned[name] == f"{column}::varchar":
            kept.append(name)
        may_be_nested = (feed.records_are_json and seen.nested) or pa.types.is_nested(arrow)
        if field.type == TEXT and may_be_nested and name not in _JSON:
            is_nested = f"(starts_with({column}, '{{') or starts_with({column}, '[')) and json_valid({column})"
            faults.append(_fault("bad_text", name, raw, "is an object or a list, not a text", is_nested))
        if field.type != TEXT:
            faults.append(
                _fault(*_named(field), raw, casts.FAULTS[field.type][1], f"{raw} is not null and {column} is null")
            )
    failed = (
        f"when {FAILED} is not null then 'bad_mapping' || {_SPLIT} || {FAILED} || ': the expression fails on this row'"
    )
    rules = [failed, *faults, *_completeness(entity), *_time_rules(entity, now)]
    rules += _late_rules(entity, feed)
    raws = "".join(f", {identifier(field.name + '__raw')}" for field in present)
    cast = [identifier(field.name) for field in present if field.name not in kept]
    query = f"""
        with clean as (select {PLACE}, {DELIVERY}, {DAY}, {ROW}, {FAILED}, {", ".join(clean)} from mapped),
        parsed as (select *, {", ".join(parsed)} from clean),
        {"".join(f"{clock}, " for clock in clocks)}
        valued as (
            select
                {PLACE}, {DELIVERY}, {DAY}, {ROW}, {FAILED}, {", ".join(values)}{raws},
                {f"case {' '.join(gaps)} end" if gaps else "null::varchar"} as _gap,
                {" or ".join(doubles)} as _is_ambiguous
            from parsed {" ".join(joins)}
        ),
        days as ({_days_query(feed, business_zone)}),
        judged as (
            select *, coalesce(case when {FAILED} is null then _gap end, case {" ".join(rules)} end) as _fault
            from valued left join days using ({DAY})
        )
        select {", ".join([PLACE, *cast])}, _is_ambiguous, _fault from judged
    """
    return query, kept


def reasons_query() -> str:
    """Query over the relation `faults`: code and reason of each `_fault`.

    Only rejected rows are asked: as part of the query above, DuckDB would work out all of `_fault` again for each of
    the many places where the scrubbing macros name their argument.
    """
    return f"""
        select split_part(_fault, {_SPLIT}, 1) as code, scrub_text(split_part(_fault, {_SPLIT}, 2)) as reason
        from faults
    """


def _clock_query(name: str, cleaned: str, local: str, zone: str) -> str:
    """The quarters of an hour that occur in a column, each resolved once.

    It parses the column again: to share the parsed rows, DuckDB would keep a copy of all their columns.
    """
    instant, is_gap, is_double = casts.wall_clock("quarter", zone)
    values = f"select {local} as local from (select {cleaned} as {identifier(name)} from mapped)"
    return f"""
        select quarter, {instant} as instant, {is_gap} as is_gap, {is_double} as is_double
        from (select distinct {casts.quarter_hour("local")} as quarter from ({values}) where local is not null)
    """


def _named(field: pa.Field) -> tuple[str, str]:
    return casts.FAULTS[field.type][0], field.name


def _fault(code: str, name: str, shown: str, wording: str, condition: str) -> str:
    reason = f"{quoted(name + ': ')} || left({shown}::varchar, 80) || {quoted(' ' + wording)}"
    return f"when {condition} then {quoted(code)} || {_SPLIT} || {reason}"


def _completeness(entity: Entity) -> Iterator[str]:
    for names, code in ((entity.key, "missing_key"), (entity.required, "missing_required")):
        for name in names:
            yield f"when {identifier(name)} is null then {quoted(code)} || {_SPLIT} || {quoted(name + ' is empty')}"


def _time_rules(entity: Entity, now: datetime) -> Iterator[str]:
    if entity.time is not None:
        time = identifier(entity.time)
        latest = quoted((now + CLOCK_TOLERANCE).isoformat())
        yield _fault("in_future", entity.time, time, "lies in the future", f"{time} > {latest}::timestamptz")
        yield _fault("epoch_zero", entity.time, time, "is a clock's zero", f"abs(epoch({time})) < 86400")


def _late_rules(entity: Entity, feed: Feed) -> Iterator[str]:
    if entity.has_late_days and entity.time is not None and feed.is_daily:
        time, late = identifier(entity.time), f"is more than {feed.late_days} days older than its delivery (late_days)"
        yield _fault("too_late", entity.time, time, late, f"{time} < _oldest")
        early = "is more than a day younger than its delivery"
        yield _fault("too_early", entity.time, time, early, f"{time} >= _after")


def _days_query(feed: Feed, business_zone: str) -> str:
    """The delivery days, and within which time their rows may lie: zones are asked once per day, not once per row."""
    oldest, after = (f"timezone({quoted(business_zone)}, ({DAY} + {days})::timestamp)" for days in (-feed.late_days, 2))
    return f"select {DAY}, {oldest} as _oldest, {after} as _after from (select distinct {DAY} from mapped)"
