"""Landed rows -> raw: whole days are swapped in one transaction, and every row read is accounted for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.sources.casts import identifier
from orchestration.sources.contract import BOOKKEEPING, ENTITIES, LOAD_BATCHES, QUARANTINE
from orchestration.sources.deliveries import COMPLETE_STATES, Delivery
from orchestration.sources.verdicts import DELIVERY

LANDING = "landing"
_COMPLETE = ", ".join(f"'{state}'" for state in COMPLETE_STATES)


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One row of `raw.load_batches`, and what is only reported.

    `rows_in` = `rows_loaded` + `rows_quarantined` + `rows_duplicate`; rows that `where` excludes are not in it.
    `ambiguous_times` counts rows with a wall-clock time that exists twice, of which the first was taken.
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
    ambiguous_times: int = 0
    problem: str | None = None


@dataclass(slots=True)
class Landed:
    """The deliveries of one load; a row in `landing` names its delivery by its place in the list."""

    entity: str
    started_at: datetime
    finished_at: datetime | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    filtered: Counter[int] = field(default_factory=Counter)
    ambiguous: Counter[int] = field(default_factory=Counter)


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create schema `raw` with every contract table, where they do not exist yet."""
    connection.execute("create schema if not exists raw")
    tables = {name: pa.schema([*entity.schema, *BOOKKEEPING]) for name, entity in ENTITIES.items()}
    for name, schema in {**tables, "quarantine": QUARANTINE, "load_batches": LOAD_BATCHES}.items():
        connection.register("_shape", schema.empty_table())
        connection.execute(f"create table if not exists raw.{name} as from _shape")
        connection.unregister("_shape")


def replace_days(connection: duckdb.DuckDBPyConnection, landed: Landed) -> list[BatchReport]:
    """Swap what the deliveries' days brought: rows, quarantine and batches together, or nothing.

    A day of which one file is missing or damaged keeps everything it had.
    """
    connection.register("batch", pa.Table.from_pylist(_batch_rows(landed), schema=_BATCH_SHAPE))
    connection.execute("begin")
    try:
        _find_repeated(connection, landed.entity)
        _write_rows(connection, landed.entity)
        _write_quarantine(connection, landed.entity)
        reports = _write_batches(connection, landed)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("batch")
    return reports


_BATCH_SHAPE = pa.schema(
    [
        ("number", pa.int32()),
        ("day", pa.date32()),
        ("is_used", pa.bool_()),
        ("rows_read", pa.int64()),
        *[column for column in LOAD_BATCHES if not column.name.startswith("rows_")],
    ]
)


def _batch_rows(landed: Landed) -> list[dict[str, Any]]:
    spoilt = {(d.feed.name, d.day) for d in landed.deliveries if d.state not in COMPLETE_STATES}
    rows = []
    for number, delivery in enumerate(landed.deliveries):
        feed, is_used = delivery.feed.name, (delivery.feed.name, delivery.day) not in spoilt
        # The same file gives the same id, so that a day loaded again is the same rows.
        mark = (delivery.sha256 or delivery.state)[:12]
        rows.append(
            {
                "number": number,
                "day": delivery.day,
                "is_used": is_used,
                "rows_read": delivery.rows_in - landed.filtered[number] if is_used else 0,
                "batch_id": f"{feed}:{delivery.window}:{delivery.name}:{mark}",
                "source": feed,
                "entity": landed.entity,
                "started_at": landed.started_at,
                "finished_at": landed.finished_at,
                "file_name": delivery.name,
                "file_sha256": delivery.sha256,
                "window": delivery.window,
                "state": delivery.state,
            }
        )
    return rows


def _find_repeated(connection: duckdb.DuckDBPyConnection, entity: str) -> None:
    """Note rows whose key comes again later in the same day: later files and later rows win."""
    keys = ", ".join(map(identifier, ENTITIES[entity].key))
    landed_keys = ", ".join(f"landed.{identifier(name)}" for name in ENTITIES[entity].key)
    connection.execute(
        f"""
        create or replace temp table repeated as
        with good as (
            select
                {landed_keys}, batch.source as _source, batch.day as _day, landed.{DELIVERY}, landed._row_number,
                (landed.{DELIVERY}::bigint << 40) + landed._row_number as _place
            from {_landing(entity)} as landed join batch on batch.number = landed.{DELIVERY}
            where batch.is_used and landed._reason_code is null
        ),
        multiple as (
            select {keys}, _source, _day, max(_place) as _last from good group by all having count(*) > 1
        )
        select {DELIVERY}, _row_number from good join multiple using ({keys}, _source, _day) where _place < _last
        """
    )


def _write_rows(connection: duckdb.DuckDBPyConnection, entity: str) -> None:
    columns = ", ".join(f"landed.{identifier(name)}" for name in ENTITIES[entity].schema.names)
    connection.execute(
        f"""
        delete from raw.{entity} using (select distinct source, day from batch where is_used) as old
        where _source = old.source and _delivery_date = old.day
        """
    )
    connection.execute(
        f"""
        insert into raw.{entity}
        select {columns}, batch.source, batch.day, landed._row_number, batch.finished_at, batch.batch_id
        from {_landing(entity)} as landed join batch on batch.number = landed.{DELIVERY}
        where batch.is_used and landed._reason_code is null
            and not exists (
                from repeated as r where r.{DELIVERY} = landed.{DELIVERY} and r._row_number = landed._row_number
            )
        """
    )


def _write_quarantine(connection: duckdb.DuckDBPyConnection, entity: str) -> None:
    """Replace the quarantine of the days; a row that is rejected again keeps the time it was first seen."""
    connection.execute(
        """
        create or replace temp table rejected_before as
        select q.*, b."window"
        from raw.quarantine as q join raw.load_batches as b using (batch_id)
        where (b.source, b."window") in (select (source, "window") from batch where is_used)
        """
    )
    connection.execute("delete from raw.quarantine where batch_id in (select batch_id from rejected_before)")
    connection.execute(
        f"""
        insert into raw.quarantine
        select
            batch.batch_id, batch.source, '{entity}', landed._row_number, landed._payload, landed._reason_code,
            landed._reason, min(coalesce(b.first_seen_at, batch.finished_at)), null
        from {_landing(entity)} as landed
        join batch on batch.number = landed.{DELIVERY}
        left join rejected_before as b
            on b.source = batch.source and b."window" = batch."window"
            and b.row_number = landed._row_number and b.reason_code = landed._reason_code
        where batch.is_used and landed._reason_code is not null
        group by all
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
    names = LOAD_BATCHES.names
    counts = {
        "rows_in": "rows_read",
        "rows_loaded": "coalesce(rows_good, 0) - coalesce(rows_repeated, 0)",
        "rows_quarantined": "coalesce(rows_bad, 0)",
        "rows_duplicate": "coalesce(rows_repeated, 0)",
    }
    selected = ", ".join(f"{counts.get(name, identifier(name))} as {identifier(name)}" for name in names)
    rows = connection.execute(
        f"""
        with seen as (
            select
                {DELIVERY} as number,
                count(*) filter (_reason_code is null) as rows_good,
                count(*) filter (_reason_code is not null) as rows_bad
            from {_landing(landed.entity)}
            group by {DELIVERY}
        ),
        again as (select {DELIVERY} as number, count(*) as rows_repeated from repeated group by {DELIVERY})
        select batch.number, {selected}
        from batch
        left join seen on seen.number = batch.number and batch.is_used
        left join again on again.number = batch.number
        order by batch.number
        """
    ).to_arrow_table()
    connection.register("fresh", rows.drop_columns(["number"]))
    connection.execute("insert into raw.load_batches by name from fresh")
    connection.unregister("fresh")
    reports = []
    for number, row in enumerate(rows.drop_columns(["number", "started_at", "finished_at"]).to_pylist()):
        report = BatchReport(
            **row,
            rows_filtered=landed.filtered[number],
            ambiguous_times=landed.ambiguous[number],
            problem=landed.deliveries[number].problem,
        )
        accounted = report.rows_loaded + report.rows_quarantined + report.rows_duplicate
        if report.rows_in != accounted:
            raise AssertionError(
                f"{report.file_name}: {report.rows_in} rows read, {accounted} accounted for; nothing was loaded"
            )
        reports.append(report)
    return reports


def _landing(entity: str) -> str:
    return f"{LANDING}.{identifier(entity)}"
