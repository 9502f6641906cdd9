"""The query that casts mapped rows to the contract and says of each row what is wrong with it, if anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pyarrow as pa

from orchestration.sources import casts
from orchestration.sources.casts import identifier, quoted
from orchestration.sources.config import Feed
from orchestration.sources.contract import ENTITIES, INSTANT, TEXT, Entity
from orchestration.sources.deliveries import ROW

DELIVERY = "_delivery"
#: Name of the expression that failed on the row, set by the mapping.
FAILED = "_failed"

_CLOCK_TOLERANCE = timedelta(minutes=10)
_SQL_TYPES = {
    pa.bool_(): "boolean", pa.int64(): "bigint", pa.float64(): "double", pa.decimal128(18, 2): "decimal(18, 2)",
    pa.date32(): "date", INSTANT: "timestamptz", TEXT: "varchar",
}  # fmt: skip
#: Free text in which people leave addresses; addresses of pages have digits that only look like telephone numbers.
_SCRUBBED = {
    ("web_events", "page_url"): "scrub_email", ("web_events", "referrer_url"): "scrub_email",
    ("web_events", "properties"): "scrub_email", ("web_events", "search_term"): "scrub_text",
    ("social_posts", "text"): "scrub_text",
}  # fmt: skip
_SPLIT = "chr(31)"


def verdict_query(feed: Feed, mapped: pa.Schema, zone: str, now: datetime) -> str:
    """Query over the relation `mapped`.

    Parameters
    ----------
    feed : Feed
        Whose notation the texts are in.
    mapped : pyarrow.Schema
        Mapped contract columns, as text or typed, with `_delivery`, `_row` and `_failed`.
    zone : str
        Of wall-clock times.
    now : datetime
        Rows more than ten minutes later are not believed.

    Returns
    -------
    str
        Gives `_delivery`, `_row_number`, the contract's columns in their types, `_is_ambiguous` (a wall-clock time that
        exists twice), `_reason_code` and `_reason` (both NULL for a row that passes; the first fault counts).
    """
    entity = ENTITIES[feed.entity]
    present = [field for field in entity.schema if field.name in mapped.names]
    clean = [
        f"{casts.cleaned(f.name, mapped.field(f.name).type, f.type, feed)} as {identifier(f.name)}" for f in present
    ]
    parsed, values, gaps, doubles, faults = [], [], [], ["false"], []
    for field in entity.schema:
        name, column, raw = field.name, identifier(field.name), identifier(field.name + "__raw")
        if field not in present:
            values.append(f"null::{_SQL_TYPES[field.type]} as {column}")
            continue
        arrow = mapped.field(name).type
        parsed.append(f"{column} as {raw}")
        if field.type == INSTANT:
            zoned, local = identifier(name + "__zoned"), identifier(name + "__local")
            parsed += [
                f"{sql} as {at}"
                for sql, at in zip(casts.zoned_and_local(name, arrow, feed), (zoned, local), strict=True)
            ]
            value, is_gap, is_double = casts.instant(zoned, local, zone)
            gaps.append(_fault("nonexistent_local_time", name, raw, f"does not exist in {zone}", is_gap))
            doubles.append(f"coalesce({is_double}, false)")
        else:
            value = casts.typed(name, arrow, field.type, feed)
            if (entity.name, name) in _SCRUBBED:
                value = f"{_SCRUBBED[entity.name, name]}({value})"
        values.append(f"{value} as {column}")
        if field.type != TEXT:
            faults.append(
                _fault(*_named(field), raw, casts.FAULTS[field.type][1], f"{raw} is not null and {column} is null")
            )
    failed = (
        f"when {FAILED} is not null then 'bad_mapping' || {_SPLIT} || {FAILED} || ': the expression fails on this row'"
    )
    rules = " ".join([failed, *faults, *_completeness(entity), *_time_rules(entity, now)])
    raws = "".join(f", {identifier(field.name + '__raw')}" for field in present)
    return f"""
        with clean as (select {DELIVERY}, {ROW}, {FAILED}, {", ".join(clean)} from mapped),
        parsed as (select *, {", ".join(parsed)} from clean),
        valued as (
            select
                {DELIVERY}, {ROW}, {FAILED}, {", ".join(values)}{raws},
                {f"case {' '.join(gaps)} end" if gaps else "null::varchar"} as _gap,
                {" or ".join(doubles)} as _is_ambiguous
            from parsed
        ),
        judged as (
            select *, coalesce(case when {FAILED} is null then _gap end, case {rules} end) as _fault from valued
        )
        select
            {DELIVERY}, {ROW} as _row_number, {", ".join(map(identifier, entity.schema.names))}, _is_ambiguous,
            split_part(_fault, {_SPLIT}, 1) as _reason_code, scrub_text(split_part(_fault, {_SPLIT}, 2)) as _reason
        from judged
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
        latest = quoted((now + _CLOCK_TOLERANCE).isoformat())
        yield _fault("in_future", entity.time, time, "lies in the future", f"{time} > {latest}::timestamptz")
        yield _fault("epoch_zero", entity.time, time, "is a clock's zero", f"abs(epoch({time})) < 86400")
