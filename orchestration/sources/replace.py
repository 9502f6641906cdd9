"""Landed rows -> raw: whole days are swapped in one transaction, and every row read is accounted for.

A day that is swapped gets a new `_loaded_at` on all its rows and the same as `finished_at` of its batches; a day that
was found unchanged keeps both, only `checked_at` moves (contract.py says what may be built on that).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.sources.casts import identifier
from orchestration.sources.contract import BOOKKEEPING, ENTITIES, LOAD_BATCHES, QUARANTINE
from orchestration.sources.deliveries import COMPLETE_STATES, Delivery
from orchestration.sources.landing import Landing
from orchestration.sources.verdicts import DELIVERY

#: Counts that the database makes of what landed.
COUNTED = ("rows_in", "rows_loaded", "rows_quarantined", "rows_duplicate")
_COMPLETE = ", ".join(f"'{state}'" for state in COMPLETE_STATES)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One row of `raw.load_batches`, and what is only reported.

    `rows_in` = `rows_loaded` + `rows_quarantined` + `rows_duplicate`; rows that `where` excludes (`rows_filtered`) are
    not in it. `rows_ambiguous` counts rows with a wall-clock time that exists twice, of which the first was taken.
    `is_unchanged` says that `raw` held all this already and was left as it was.
    """

    batch_id: str
    source: str
    entity: str
    window: str
    state: str
    rows_in: int
    rows_loaded: int
    rows_quarantined: int
    rows_duplicate: int
    file_name: str
    file_sha256: str | None
    rows_filtered: int = 0
    rows_ambiguous: int = 0
    problem: str | None = None
    mapping: str | None = None
    source_columns: str | None = None
    notes: str | None = None
    is_unchanged: bool = False


@dataclass(slots=True)
class Landed:
    """The deliveries of one load; a landed row names its delivery by its place in the list.

    `repeated` counts, per delivery, duplicates that are known and not landed.
    """

    entity: str
    started_at: datetime
    finished_at: datetime | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    filtered: Counter[int] = field(default_factory=Counter)
    ambiguous: Counter[int] = field(default_factory=Counter)
    repeated: Counter[int] = field(default_factory=Counter)


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create schema `raw` with every contract table; tables of an older contract get the columns it gained since."""
    connection.execute("create schema if not exists raw")
    tables = {name: pa.schema([*entity.schema, *BOOKKEEPING]) for name, entity in ENTITIES.items()}
    for name, schema in {**tables, "quarantine": QUARANTINE, "load_batches": LOAD_BATCHES}.items():
        connection.register("_shape", schema.empty_table())
        connection.execute(f"create table if not exists raw.{name} as from _shape")
        there = {row[0] for row in connection.execute(f"describe raw.{name}").fetchall()}
        for column, kind, *_ in connection.execute("describe _shape").fetchall():
            if column not in there:
                connection.execute(f"alter table raw.{name} add column {identifier(column)} {kind}")
        connection.unregister("_shape")


def replace_days(connection: duckdb.DuckDBPyConnection, landed: Landed, landing: Landing) -> list[BatchReport]:
    """Swap what the deliveries' days brought: rows, quarantine and batches together, or nothing.

    A day of which one file is missing or damaged keeps everything it had.
    """
    connection.register("batch", pa.Table.from_pylist(_batch_rows(landed), schema=_BATCH_SHAPE))
    connection.execute("begin")
    try:
        _find_repeated(connection, landed.entity, landing)
        _write_rows(connection, landed.entity, landing)
        _write_quarantine(connection, landed.entity)
        reports = _write_batches(connection, landed)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("batch")
    return reports


#: Spelt so that DuckDB judges it itself: Arrow, asked to filter, would copy every row that passes.
_IS_REJECTED = "(coalesce(landed._reason_code, '') <> '')"
_BATCH_SHAPE = pa.schema(
    [
        ("number", pa.int32()),
        ("day", pa.date32()),
        ("is_used", pa.bool_()),
        ("is_unchanged", pa.bool_()),
        ("rows_read", pa.int64()),
        ("rows_repeated", pa.int64()),
        *[column for column in LOAD_BATCHES if column.name not in COUNTED],
    ]
)


def _batch_rows(landed: Landed) -> list[dict[str, Any]]:
    spoilt = {(d.feed.name, d.day) for d in landed.deliveries if d.state not in COMPLETE_STATES}
    rows = []
    for number, delivery in enumerate(landed.deliveries):
        feed = delivery.feed.name
        is_used = (feed, delivery.day) not in spoilt and not delivery.is_unchanged
        # The same file gives the same id, so that a day loaded again is the same rows. One that could not be used may
        # be the very file that was loaded once (its mapping has changed since).
        is_complete = delivery.state in COMPLETE_STATES and delivery.sha256 is not None
        mark = (delivery.sha256 or "")[:12] if is_complete else delivery.state
        rows.append(
            {
                "number": number,
                "day": delivery.day,
                "is_used": is_used,
                "is_unchanged": delivery.is_unchanged,
                "rows_read": delivery.rows_in - landed.filtered[number] if is_used else 0,
                "rows_repeated": landed.repeated[number],
                "batch_id": f"{feed}:{delivery.window}:{delivery.name}:{mark}",
                "source": feed,
                "entity": landed.entity,
                "started_at": landed.started_at,
                "finished_at": landed.finished_at,
                "file_name": delivery.name,
                "file_sha256": delivery.sha256,
                "window": delivery.window,
                "state": delivery.state,
                "rows_filtered": landed.filtered[number] if is_used else 0,
                "rows_ambiguous": landed.ambiguous[number] if is_used else 0,
                "problem": delivery.problem,
                "mapping": delivery.mapping,
                "checked_at": landed.finished_at,
                "source_columns": json.dumps(delivery.columns, ensure_ascii=False) if delivery.columns else None,
                "notes": "; ".join(delivery.notes) or None,
            }
        )
    return rows


def _find_repeated(connection: duckdb.DuckDBPyConnection, entity: str, landing: Landing) -> None:
    """Note rows whose key comes again later in the same day: later files and later rows win."""
    landed_keys = ", ".join(f"landed.{identifier(name)}" for name in ENTITIES[entity].key)
    mark = f"hash({landed_keys})"
    # Sorting numbers first: grouping all keys as texts, when hardly one comes twice, costs five times as much.
    with landing.stream() as stream:
        query = f"select {mark} as mark from {stream} as landed where not {_IS_REJECTED}"
        marks = np.sort(connection.execute(query).fetchnumpy()["mark"])
    again = np.unique(marks[1:][marks[1:] == marks[:-1]])
    if not len(again):
        connection.execute(f"create or replace temp table repeated ({DELIVERY} integer, _row_number bigint)")
        return
    connection.register("_marks", pa.table({"mark": again}))
    connection.execute(
        f"""
        create or replace temp table repeated as
        with good as (
            select
                {landed_keys}, batch.source as _source, batch.day as _day, landed.{DELIVERY}, landed._row_number,
                (landed.{DELIVERY}::bigint << 40) + landed._row_number as _place
            from {landing_table(entity)} as landed join batch on batch.number = landed.{DELIVERY}
            where batch.is_used and not {_IS_REJECTED} and {mark} in (from _marks)
        )
        select {DELIVERY}, _row_number from good as landed
        qualify _place < max(_place) over (partition by {landed_keys}, _source, _day)
        """
    )
    connection.unregister("_marks")


def _write_rows(connection: duckdb.DuckDBPyConnection, entity: str, landing: Landing) -> None:
    names = [identifier(name) for name in ENTITIES[entity].schema.names]
    # Constants, not a join: they let DuckDB skip the blocks of all other days, whatever the history holds.
    days = connection.execute("select distinct source, day from batch where is_used").fetchall()
    if not days:
        return
    for source, day in days:
        connection.execute(f"delete from raw.{entity} where _delivery_date = ? and _source = ?", [day, source])
    any_repeated = connection.execute("select count(*) > 0 from repeated").fetchall()[0][0]
    is_repeated = f"""
        exists (from repeated as r where r.{DELIVERY} = landed.{DELIVERY} and r._row_number = landed._row_number)
    """
    # Looked up by place: joining wide rows to their batch costs a quarter of writing them.
    kinds = {
        "source": "varchar", "day": "date", "finished_at": "timestamptz", "batch_id": "varchar", "is_used": "boolean"
    }  # fmt: skip
    lists = ", ".join(f"list({name} order by number)" for name in kinds)
    found = connection.execute(f"select {lists} from batch").fetchall()[0]
    batch = {name: f"(${name}::{kind}[])[landed.{DELIVERY} + 1]" for name, kind in kinds.items()}
    for part in landing.parts():
        connection.execute(
            f"""
            insert into raw.{entity}
                ({", ".join(names)}, _source, _delivery_date, _row_number, _loaded_at, _batch_id)
            select
                {", ".join(f"landed.{name}" for name in names)},
                {batch["source"]}, {batch["day"]}, landed._row_number, {batch["finished_at"]}, {batch["batch_id"]}
            from {part} as landed
            where {batch["is_used"]} and not {_IS_REJECTED} {f"and not {is_repeated}" if any_repeated else ""}
            """,
            dict(zip(kinds, found, strict=True)),
        )


def _write_quarantine(connection: duckdb.DuckDBPyConnection, entity: str) -> None:
    """Replace what waits in quarantine for the days; rows that wait no longer stay, with how their wait ended."""
    connection.execute(
        f"""
        create or replace temp table waited as
        select q.*, b.file_name, b.file_sha256
        from raw.quarantine as q join raw.load_batches as b using (batch_id)
        where b.entity = '{entity}' and q.replayed_at is null
            and (b.source, b."window") in (select (source, "window") from batch where is_used)
        """
    )
    connection.execute(
        f"""
        create or replace temp table rejected as
        select
            batch.batch_id, batch.source, '{entity}' as entity, landed._row_number as row_number,
            landed._payload as payload, landed._reason_code as reason_code, landed._reason as reason,
            batch."window", batch.file_name, batch.file_sha256, batch.finished_at, landed._is_whole as is_whole
        from {landing_table(entity)} as landed
        join batch on batch.number = landed.{DELIVERY}
        where batch.is_used and landed._reason_code is not null
        """
    )
    # Waiting, or rejected again after it was loaded once.
    connection.execute(
        f"""
        delete from raw.quarantine
        where entity = '{entity}' and (
            (replayed_at is null and batch_id in (select batch_id from waited))
            or (batch_id, row_number) in (select (batch_id, row_number) from rejected)
        )
        """
    )
    # The same row: of the same bytes, or in another file of that name at the same place with the same fault.
    is_same = """
        waited.source = rejected.source and waited."window" = rejected."window"
        and waited.file_name = rejected.file_name and waited.row_number = rejected.row_number
        and (waited.file_sha256 = rejected.file_sha256 or waited.reason_code = rejected.reason_code)
    """
    connection.execute(
        f"""
        insert into raw.quarantine by name
        select
            rejected.* exclude (file_name, file_sha256, finished_at),
            coalesce(waited.first_seen_at, rejected.finished_at) as first_seen_at
        from rejected left join waited on {is_same}
        """
    )
    connection.execute(
        f"""
        insert into raw.quarantine by name
        select
            waited.* exclude (file_name, file_sha256, replayed_at, outcome),
            (select max(finished_at) from batch) as replayed_at,
            case
                when exists (
                    from batch where batch.source = waited.source and batch."window" = waited."window"
                        and batch.file_name = waited.file_name and batch.file_sha256 = waited.file_sha256
                ) then 'replayed'
                else 'delivered again'
            end as outcome
        from waited
        where not exists (from rejected where {is_same})
        """
    )


def _write_batches(connection: duckdb.DuckDBPyConnection, landed: Landed) -> list[BatchReport]:
    """Write the batches and check that every row read is accounted for.

    A day has the batches of its last complete load and, if a later attempt failed, those of that attempt.
    """
    connection.execute(
        f"""
        delete from raw.load_batches
        where (source, "window") in (select (source, "window") from batch where is_used)
            or (state not in ({_COMPLETE}) and (source, "window") in (select (source, "window") from batch))
        """
    )
    connection.execute(
        """
        update raw.load_batches as stored set checked_at = batch.checked_at
        from batch where batch.is_unchanged and stored.batch_id = batch.batch_id
        """
    )
    counts = {
        "rows_in": "rows_read",
        "rows_loaded": "coalesce(rows_good, 0) - coalesce(rows_again, 0)",
        "rows_quarantined": "coalesce(rows_bad, 0)",
        "rows_duplicate": "coalesce(rows_again, 0) + rows_repeated",
    }
    selected = ", ".join(f"{counts.get(name, identifier(name))} as {identifier(name)}" for name in LOAD_BATCHES.names)
    connection.execute(
        f"""
        insert into raw.load_batches by name
        with seen as (
            select
                {DELIVERY} as number,
                count(*) filter (_reason_code is null) as rows_good,
                count(*) filter (_reason_code is not null) as rows_bad
            from {landing_table(landed.entity)}
            group by {DELIVERY}
        ),
        again as (select {DELIVERY} as number, count(*) as rows_again from repeated group by {DELIVERY})
        select {selected}
        from batch
        left join seen on seen.number = batch.number and batch.is_used
        left join again on again.number = batch.number
        where not batch.is_unchanged
        """
    )
    shown = [name for name in LOAD_BATCHES.names if name not in ("started_at", "finished_at", "checked_at")]
    rows = connection.execute(
        f"""
        select {", ".join(f"stored.{identifier(name)}" for name in shown)}, batch.is_unchanged
        from batch join raw.load_batches as stored using (batch_id)
        order by batch.number
        """
    ).to_arrow_table()
    reports = [BatchReport(**row) for row in rows.to_pylist()]
    for report in reports:
        accounted = report.rows_loaded + report.rows_quarantined + report.rows_duplicate
        if report.rows_in != accounted:
            raise AssertionError(
                f"{report.file_name}: {report.rows_in} rows read, {accounted} accounted for; nothing was loaded"
            )
    return reports


def landing_table(entity: str) -> str:
    """Name of the relation that rows land in."""
    return f"landing_{entity}"
