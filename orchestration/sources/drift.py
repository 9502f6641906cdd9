"""Has a source changed so that it would be misread? Then the delivery is not loaded, and the message says what changed.

Judged on what landed, before it is swapped in, against what the feed brought before. What is harmless is only noted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb

from orchestration.sources.casts import identifier, quoted
from orchestration.sources.contract import DATE, ENTITIES, INSTANT, MONEY, NUMBER, TEXT
from orchestration.sources.deliveries import COMPLETE_STATES, SNAPSHOT, Delivery
from orchestration.sources.landing import Landing
from orchestration.sources.replace import landing_table
from orchestration.sources.source_columns import changes, retyped
from orchestration.sources.verdicts import DELIVERY

#: Fewer rows than this say nothing about a feed; of as many, chance leaves a half-filled column empty once in 2^20.
ENOUGH_ROWS = 20
_MOST = 0.5
#: Of another encoding: half the lines may have no umlaut.
_MANY = 0.25
#: So many rows are no slip of the hand.
_FEW = 0.05
#: How many deliveries back a column is remembered.
_REMEMBERED = 30
#: How many days a row may be away from its delivery to count as evidence that its date was read rightly.
_NEAR_DAYS = 3
#: These say that a row is old or early, not that it is misread.
_NO_MISREADING = ("too_late", "too_early", "in_future", "epoch_zero")


def judge(connection: duckdb.DuckDBPyConnection, entity: str, deliveries: Sequence[Delivery], landing: Landing) -> None:
    """Note what changed, and fail as `drifted` the deliveries that would be misread.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Has the landed rows and what was loaded before in `raw`.
    entity : str
        Name of the raw table.
    deliveries : sequence of Delivery
        A landed row names its delivery by its place here.
    landing : Landing
        The landed rows, complete.
    """
    fresh = [(n, d) for n, d in enumerate(deliveries) if d.state == "loaded" and not d.is_unchanged]
    if not fresh:
        return
    landed = _Landed(connection, entity, landing)
    for number, delivery in fresh:
        before = _columns_before(connection, delivery)
        delivery.notes += changes(delivery, before)
        problem = (
            _lost_zeros(delivery, before)
            or _mostly_rejected(landed, number)
            or _other_notation(landed, number, delivery)
            or _swapped_days(landed, number, delivery)
            or _emptied(landed, number, delivery)
        )
        if problem:
            delivery.fail("drifted", f"{delivery.name}: {problem}")


class _Landed:
    """What landed, counted for all deliveries at once: a year loaded in one go is one query."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, entity: str, landing: Landing) -> None:
        self.connection = connection
        self.entity = ENTITIES[entity]
        self.table = landing_table(entity)
        self.names = self.entity.schema.names
        with landing.stream() as stream:
            counts = connection.execute(
                f"""
                select {DELIVERY}, _reason_code, count(*), min_by(_reason, _row_number),
                    {", ".join(f"count({identifier(name)})" for name in self.names)}
                from {stream} group by {DELIVERY}, _reason_code
                """
            ).fetchall()
        self.rows: dict[int, int] = defaultdict(int)
        self.rejected: dict[int, dict[str, tuple[int, str]]] = defaultdict(dict)
        self.filled: dict[int, dict[str, int]] = {}
        for number, code, count, reason, *filled in counts:
            self.rows[number] += count
            if code is None:
                self.filled[number] = dict(zip(self.names, filled, strict=True))
            else:
                self.rejected[number][code] = (count, reason)

    def good(self, number: int) -> int:
        """Rows of a delivery that passed."""
        return self.rows[number] - sum(count for count, _ in self.rejected[number].values())

    def one(self, query: str, *parameters: Any) -> tuple[Any, ...]:
        return self.connection.execute(query, list(parameters)).fetchall()[0]


def _columns_before(connection: duckdb.DuckDBPyConnection, delivery: Delivery) -> list[dict[str, str]]:
    """Columns of what the feed delivered before, the latest first; a snapshot is compared with itself."""
    is_before = '"window" = $window' if delivery.window == SNAPSHOT else '"window" < $window'
    found = connection.execute(
        f"""
        select source_columns from raw.load_batches
        where source = $source and {is_before} and source_columns is not null and list_contains($complete, state)
        order by "window" desc, file_name limit {_REMEMBERED}
        """,
        {"source": delivery.feed.name, "window": delivery.window, "complete": list(COMPLETE_STATES)},
    ).fetchall()
    return [json.loads(columns) for (columns,) in found]


def _lost_zeros(delivery: Delivery, before: Sequence[dict[str, str]]) -> str | None:
    """Text that became numbers: postal codes and article numbers have lost their leading zeros."""
    schema = ENTITIES[delivery.feed.entity].schema
    targets = {
        column.source: name
        for name, column in delivery.feed.columns.items()
        if column.source is not None and schema.field(name).type == TEXT
    }
    last = before[0] if before else {}
    for name, kind in retyped(delivery.columns, last):
        if kind == "number" and last[name] == "text" and name in targets:
            return (
                f"column {name!r} was text and holds numbers now, leading zeros of {targets[name]} may be lost; "
                f'have it delivered as text again, or accept it with {targets[name]}: {{sql: "{name}::varchar"}}'
            )
    return None


def _mostly_rejected(landed: _Landed, number: int) -> str | None:
    """Some bad rows are how data is; more than half with the same fault is another file than the feed describes."""
    rows = landed.rows[number]
    for code, (count, reason) in landed.rejected[number].items():
        limit = _MANY if code == "bad_encoding" else _MOST
        if rows >= ENOUGH_ROWS and count > limit * rows and code not in _NO_MISREADING:
            return (
                f"{count} of {rows} rows would be quarantined as {code} ({reason}); "
                "correct the feed in the sources file, or have the source deliver as before"
            )
    return None


def _other_notation(landed: _Landed, number: int, delivery: Delivery) -> str | None:
    """1,234.50 where 1.234,50 was, 03/25 where 25/03 was: what fits both notations would be misread without a word.

    Each value that fits only one of the two is a vote. The rejected ones are found in their reasons.
    """
    codes = landed.rejected[number]
    feed, own = delivery.feed, f"{DELIVERY} = {number}"
    if "bad_number" in codes:
        grouping, point = (",", r"\.") if feed.decimal == "," else (r"\.", ",")
        other = rf": [+-]?\d{{1,3}}(?:{grouping}?\d{{3}})*{point}\d+ is not"
        fractions = [
            f"{identifier(field.name)} <> floor({identifier(field.name)})"
            for field in landed.entity.schema
            if field.type in (MONEY, NUMBER) and field.name in feed.columns
        ]
        against, in_favour = landed.one(
            f"""
            select
                count(*) filter (_reason_code = 'bad_number' and regexp_matches(_reason, {quoted(other)})),
                count(*) filter (_reason_code is null and ({" or ".join(fractions) or "false"}))
            from {landed.table} where {own}
            """
        )
        if against > max(in_favour, _FEW * landed.rows[number]):
            return (
                f"numbers are written with {'.' if feed.decimal == ',' else ','} as decimal separator now, the feed "
                f"says {feed.decimal}; {codes['bad_number'][1]}; correct decimal: and thousands:"
            )
    forms = (*feed.timestamp_format, *feed.date_format)
    swapped = [(form, turned) for form in forms if (turned := _swapped(form)) is not None]
    if swapped and {"bad_timestamp", "bad_date"} & codes.keys():
        other_forms = ", ".join(quoted(form) for _, form in swapped)
        value = "regexp_extract(_reason, ': (.*) is not', 1)"
        unmistakable = [
            f"day({_local(field.name, field.type)}) > 12"
            for field in landed.entity.schema
            if field.type in (INSTANT, DATE) and field.name in feed.columns
        ]
        against, in_favour = landed.one(
            f"""
            select
                count(*) filter (
                    _reason_code in ('bad_timestamp', 'bad_date') and try_strptime({value}, [{other_forms}]) is not null
                ),
                count(*) filter (_reason_code is null and ({" or ".join(unmistakable) or "false"}))
            from {landed.table} where {own}
            """
        )
        if against > max(in_favour, _FEW * landed.rows[number]):
            reason = next(codes[code][1] for code in ("bad_timestamp", "bad_date") if code in codes)
            return f"day and month have changed places, the feed says {swapped[0][0]}; {reason}; correct the format"
    return None


def _swapped_days(landed: _Landed, number: int, delivery: Delivery) -> str | None:
    """05/03 in the delivery of 5 March, read as 3 May: no value of such a day contradicts, but the day does."""
    time, forms = landed.entity.time, delivery.feed.timestamp_format
    if time is None or delivery.window == SNAPSHOT or not any(map(_swapped, forms)) or not landed.good(number):
        return None
    # Future rows were rejected, so they are looked up where the swap would lead: in the reasons.
    day, at = quoted(delivery.window), _local(time, INSTANT)
    turned = f"try_cast(strftime({at}, '%Y-%d-%m') as date)"
    near, turned_near, good = landed.one(
        f"""
        select
            count(*) filter (abs(date_diff('day', {at}::date, date {day})) <= {_NEAR_DAYS}),
            count(*) filter (abs(date_diff('day', {turned}, date {day})) <= 1),
            count(*)
        from {landed.table} where {DELIVERY} = {number} and _reason_code is null
        """
    )
    if near == 0 and turned_near > _MOST * good:
        return (
            f"no {time} is near {delivery.window}, but with day and month swapped {turned_near} of {good} are; "
            f"correct timestamp_format ({forms[0]}) or the delivery"
        )
    return None


def _emptied(landed: _Landed, number: int, delivery: Delivery) -> str | None:
    """A mapped column that was mostly filled and has no value any more: a key was renamed, or sits elsewhere."""
    good = landed.good(number)
    empty = [
        name
        for name, column in delivery.feed.columns.items()
        if column.const is None and landed.filled.get(number, {}).get(name) == 0
    ]
    if not empty:
        return None
    source, window = delivery.feed.name, delivery.day
    is_before = "=" if delivery.window == SNAPSHOT else "<"
    table = f"raw.{identifier(landed.entity.name)}"
    rows, *filled = landed.one(
        f"""
        select count(*), {", ".join(f"count({identifier(name)})" for name in empty)} from {table}
        where _source = $1 and _delivery_date = (
            select max(_delivery_date) from {table} where _source = $1 and _delivery_date {is_before} $2
        )
        """,
        source,
        window,
    )
    lost = [(name, n / rows) for name, n in zip(empty, filled, strict=True) if n]
    if not lost:
        return None
    shown = ", ".join(f"{name} ({share:.0%} filled before)" for name, share in lost)
    if good >= ENOUGH_ROWS and rows >= ENOUGH_ROWS and max(share for _, share in lost) > _MOST:
        sources = ", ".join(sorted({c.source for n, _ in lost if (c := delivery.feed.columns[n]).source is not None}))
        return (
            f"not one of {good} rows has {shown}; the source may have renamed or moved "
            f"{sources or 'what it is made of'}: correct columns:, or take "
            "the column out of it if it is no longer delivered"
        )
    delivery.notes.append(f"not one of {good} rows has {shown}")
    return None


def _swapped(form: str) -> str | None:
    """The format with day and month swapped; None where they cannot be confused."""
    if not ("%d" in form and "%m" in form):
        return None
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m")


def _local(name: str, kind: Any) -> str:
    column = identifier(name)
    # A few hours of zone do not matter to a rule that counts days.
    return f"({column} at time zone 'UTC')" if kind == INSTANT else column
