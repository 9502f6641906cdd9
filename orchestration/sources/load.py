"""Days of an entity: fetch, land with dlt, then replace them in `raw` in one transaction."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.sources import files, rest, sql
from orchestration.sources.casts import identifier
from orchestration.sources.config import Feed, SourcesConfig
from orchestration.sources.contract import BOOKKEEPING, ENTITIES, LOAD_BATCHES, QUARANTINE
from orchestration.sources.deliveries import COMPLETE_STATES, ROW, Chunk, Delivery
from orchestration.sources.errors import DeliveryError, SourceError
from orchestration.sources.mapping import DELIVERY, Mapper, landing_schema
from orchestration.sources.pseudonyms import Pseudonymiser

LANDING = "landing"
_BATCH_BYTES = 64 << 20
#: What DuckDB may keep in memory; beyond it, it works on disk. Rows wait there twice, landed and inserted.
_MEMORY = "600MB"
_BATCH_ROWS = 250_000


@dataclass(frozen=True, slots=True)
class BatchReport:
    """One row of `raw.load_batches`, and two counts that are only reported.

    `rows_in` = `rows_loaded` + `rows_quarantined` + `rows_duplicate`; rows that `where` excludes are not in it.
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


def create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create schema `raw` with every contract table, where they do not exist yet."""
    connection.execute("create schema if not exists raw")
    tables = {name: pa.schema([*entity.schema, *BOOKKEEPING]) for name, entity in ENTITIES.items()}
    for name, schema in {**tables, "quarantine": QUARANTINE, "load_batches": LOAD_BATCHES}.items():
        connection.register("_shape", schema.empty_table())
        connection.execute(f"create table if not exists raw.{name} as from _shape")
        connection.unregister("_shape")


def load_entity(
    config: SourcesConfig,
    entity: str,
    days: Iterable[date],
    *,
    warehouse: Path,
    key: bytes,
    dlt_dir: Path,
    timezone: str,
    now: datetime,
) -> list[BatchReport]:
    """Load all feeds of one entity for the days, replacing what those days brought before.

    Parameters
    ----------
    config : SourcesConfig
        The feeds.
    entity : str
        Name of the raw table.
    days : iterable of date
        Business days; snapshot feeds are read once, whatever the days.
    warehouse : Path
        DuckDB file, created if absent. No other process may have it open.
    key : bytes
        Secret of the pseudonyms.
    dlt_dir : Path
        Working folder of the dlt pipelines; holds nothing between two loads.
    timezone : str
        Zone of wall-clock times whose feed names none.
    now : datetime
        The clock; aware.

    Returns
    -------
    list of BatchReport
        One per file (or day of an API or a query).

    Raises
    ------
    DeliveryError
        A required delivery is missing or damaged. Everything else is loaded by then.
    """
    feeds = config.of_entity(entity)
    wanted = sorted(set(days))
    run = _Run(entity, Pseudonymiser(key), timezone, now)
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        create_raw_tables(connection)
        if not feeds:
            return []
        _land(connection, entity, run.rows(feeds, wanted), dlt_dir)
        try:
            reports = _replace(connection, run)
        finally:
            connection.execute(f"drop schema if exists {LANDING} cascade")
    _raise_for_problems(run.deliveries, reports)
    return reports


class _Run:
    """Deliveries of one call and their mapped rows."""

    def __init__(self, entity: str, pseudonymiser: Pseudonymiser, timezone: str, now: datetime) -> None:
        self.entity = entity
        self.timezone = timezone
        self.now = now
        self.started = datetime.now(UTC)
        self.deliveries: list[Delivery] = []
        self.filtered: Counter[int] = Counter()
        self.ambiguous: Counter[int] = Counter()
        self._pseudonymiser = pseudonymiser

    def rows(self, feeds: Sequence[Feed], days: Sequence[date]) -> Iterator[pa.Table]:
        """Landing tables of all feeds, a few large ones rather than one per file."""
        for feed in feeds:
            mapper = Mapper(feed, self._pseudonymiser, self.timezone, self.now)
            for deliveries, chunks in _connect(feed, days, mapper):
                first = len(self.deliveries)
                self.deliveries += deliveries
                numbers = {id(delivery): first + place for place, delivery in enumerate(deliveries)}
                for batch in _batches(chunks, numbers):
                    yield from self._mapped(mapper, batch)

    def _mapped(self, mapper: Mapper, batch: _Batch) -> Iterator[pa.Table]:
        if batch.table is not None:
            mapped = mapper.map(batch.table)
            self.filtered.update(mapped.filtered.to_pylist())
            self.ambiguous.update(mapped.ambiguous.to_pylist())
            yield mapped.table
        if batch.malformed:
            yield mapper.malformed(batch.malformed, batch.header)


@dataclass(slots=True)
class _Batch:
    table: pa.Table | None
    malformed: list[tuple[int, Any]]
    header: list[str] | None


def _connect(feed: Feed, days: Sequence[date], mapper: Mapper) -> Iterator[tuple[list[Delivery], Iterator[Chunk]]]:
    if feed.kind == "files":
        deliveries = files.find_deliveries(feed, days)
        needed = None if feed.format in ("jsonl", "json") else mapper.needed
        yield deliveries, files.read_deliveries(deliveries, needed)
    elif feed.kind == "rest":
        deliveries = rest.find_deliveries(feed, days)
        yield deliveries, rest.read_deliveries(deliveries)
    else:
        deliveries = sql.find_deliveries(feed, days)
        yield deliveries, sql.read_deliveries(deliveries, mapper.needed)


def _batches(chunks: Iterable[Chunk], numbers: dict[int, int]) -> Iterator[_Batch]:
    """Join the chunks of many small files; a file with other columns or types begins a new batch."""
    tables: list[pa.Table] = []
    malformed: list[tuple[int, Any]] = []
    rows = size = 0

    def flush() -> Iterator[_Batch]:
        nonlocal tables, malformed, rows, size
        if tables or malformed:
            header = [name for name in tables[0].column_names if name not in (ROW, DELIVERY)] if tables else None
            whole = pa.concat_tables(tables) if rows else None
            yield _Batch(whole, malformed, None if header == ["_json"] else header)
        tables, malformed, rows, size = [], [], 0, 0

    for chunk in chunks:
        number = numbers[id(chunk.delivery)]
        table = chunk.table.append_column(DELIVERY, pa.array([number] * chunk.table.num_rows, pa.int32()))
        if tables and not tables[-1].schema.equals(table.schema):
            yield from flush()
        tables.append(table)
        malformed += [(number, row) for row in chunk.malformed]
        rows += table.num_rows
        size += table.nbytes
        if rows >= _BATCH_ROWS or size >= _BATCH_BYTES:
            yield from flush()
    yield from flush()


def _land(connection: duckdb.DuckDBPyConnection, entity: str, tables: Iterator[pa.Table], dlt_dir: Path) -> None:
    """Bring the rows into schema `landing`. Whatever an interrupted load left behind is dropped first."""
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    import dlt

    schema = landing_schema(entity)
    connection.execute(f"drop schema if exists {LANDING} cascade")
    folder = dlt_dir / entity
    shutil.rmtree(folder, ignore_errors=True)

    def landing() -> Iterator[pa.Table]:
        yield schema.empty_table()
        for table in tables:
            yield _shaped(table, schema)

    pipeline = dlt.pipeline(
        f"netzplan_{entity}", pipelines_dir=str(folder), dataset_name=LANDING,
        destination=dlt.destinations.duckdb(connection),
    )  # fmt: skip
    pipeline.config.restore_from_destination = False
    try:
        pipeline.run(dlt.resource(landing, name=entity), loader_file_format="parquet", write_disposition="append")
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, SourceError):
            cause = cause.__cause__
        if cause is not None:
            raise cause from None
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same rows with exactly the landing columns."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _replace(connection: duckdb.DuckDBPyConnection, run: _Run) -> list[BatchReport]:
    """Swap the days in one transaction: rows, quarantine and batches together, or nothing."""
    entity = ENTITIES[run.entity]
    landed = f"{LANDING}.{identifier(run.entity)}"
    batches = [_batch_row(run, number, delivery) for number, delivery in enumerate(run.deliveries)]
    connection.register("batch", pa.Table.from_pylist(batches, schema=_BATCH_SHAPE))
    connection.execute("begin")
    try:
        keys = ", ".join(map(identifier, entity.key))
        landed_keys, columns = (
            ", ".join(f"landed.{identifier(name)}" for name in names) for names in (entity.key, entity.schema.names)
        )
        # Later files of a day and later rows of a file win.
        connection.execute(
            f"""
            create or replace temp table repeated as
            with good as (
                select
                    {landed_keys}, batch.source as _source, batch.day as _day, landed.{DELIVERY}, landed._row_number,
                    (landed.{DELIVERY}::bigint << 40) + landed._row_number as _place
                from {landed} as landed join batch on batch.number = landed.{DELIVERY}
                where batch.is_used and landed._reason_code is null
            ),
            multiple as (
                select {keys}, _source, _day, max(_place) as _last from good group by all having count(*) > 1
            )
            select {DELIVERY}, _row_number from good join multiple using ({keys}, _source, _day) where _place < _last
            """
        )
        _forget(connection, f"raw.{run.entity}")
        connection.execute(
            f"""
            insert into raw.{run.entity}
            select {columns}, batch.source, batch.day, landed._row_number, batch.finished_at, batch.batch_id
            from {landed} as landed join batch on batch.number = landed.{DELIVERY}
            where batch.is_used and landed._reason_code is null
                and not exists (
                    from repeated as r where r.{DELIVERY} = landed.{DELIVERY} and r._row_number = landed._row_number
                )
            """
        )
        _write_quarantine(connection, run.entity, landed)
        reports = _write_batches(connection, run, landed)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("batch")
    return reports


_BATCH_SHAPE = pa.schema(
    [
        ("number", pa.int32()), ("day", pa.date32()), ("is_used", pa.bool_()), ("rows_read", pa.int64()),
        *[field for field in LOAD_BATCHES if not field.name.startswith("rows_")],
    ]
)  # fmt: skip


def _batch_row(run: _Run, number: int, delivery: Delivery) -> dict[str, Any]:
    is_used = delivery.state in COMPLETE_STATES and all(
        other.state in COMPLETE_STATES
        for other in run.deliveries
        if other.feed.name == delivery.feed.name and other.day == delivery.day
    )
    mark = (delivery.sha256 or delivery.state)[:12]
    return {
        "number": number,
        "day": delivery.day,
        "is_used": is_used,
        "rows_read": delivery.rows_in - run.filtered[number] if is_used else 0,
        "batch_id": f"{delivery.feed.name}:{delivery.window}:{delivery.name}:{mark}",
        "source": delivery.feed.name,
        "entity": run.entity,
        "started_at": run.started,
        "finished_at": datetime.now(UTC),
        "file_name": delivery.name,
        "file_sha256": delivery.sha256,
        "window": delivery.window,
        "state": delivery.state,
    }


def _forget(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Remove what the windows brought before. The days are listed so that untouched row groups are skipped."""
    connection.execute(
        f"""
        delete from {table} using (select distinct source, day from batch where is_used) as old
        where _source = old.source and _delivery_date = old.day
        """
    )


def _write_quarantine(connection: duckdb.DuckDBPyConnection, entity: str, landed: str) -> None:
    """Replace the quarantine of the windows; a row that is rejected again keeps the time it was first seen."""
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
        from {landed} as landed
        join batch on batch.number = landed.{DELIVERY}
        left join rejected_before as b
            on b.source = batch.source and b."window" = batch.window
            and b.row_number = landed._row_number and b.reason_code = landed._reason_code
        where batch.is_used and landed._reason_code is not null
        group by all
        """
    )


def _write_batches(connection: duckdb.DuckDBPyConnection, run: _Run, landed: str) -> list[BatchReport]:
    """Write the batches and check that every row read is accounted for.

    A window has the batches of its last complete load and, if a later attempt failed, those of that attempt.
    """
    connection.execute(
        f"""
        create or replace temp table counted as
        with seen as (
            select
                {DELIVERY} as number,
                count(*) filter (_reason_code is null) as rows_good,
                count(*) filter (_reason_code is not null) as rows_quarantined
            from {landed}
            group by {DELIVERY}
        ),
        lost as (select {DELIVERY} as number, count(*) as rows_duplicate from repeated group by {DELIVERY})
        select
            batch.*,
            case when is_used then coalesce(rows_good, 0) else 0 end as rows_good,
            case when is_used then coalesce(rows_quarantined, 0) else 0 end as rows_quarantined,
            coalesce(rows_duplicate, 0) as rows_duplicate
        from batch left join seen using (number) left join lost using (number)
        """
    )
    connection.execute(
        """
        delete from raw.load_batches
        where (source, "window") in (select (source, "window") from batch where is_used)
            or (
                state not in ('loaded', 'empty', 'header_only')
                and (source, "window") in (select (source, "window") from batch)
            )
        """
    )
    names = LOAD_BATCHES.names
    expressions = {"rows_in": "rows_read", "rows_loaded": "rows_good - rows_duplicate"}
    selected = ", ".join(f"{expressions.get(name, identifier(name))} as {identifier(name)}" for name in names)
    rows = connection.execute(f"select number, {selected} from counted order by number").to_arrow_table()
    connection.register("fresh", rows.drop_columns(["number"]))
    connection.execute("insert into raw.load_batches by name from fresh")
    connection.unregister("fresh")
    reports = []
    for row in rows.to_pylist():
        delivery = run.deliveries[row["number"]]
        report = BatchReport(
            **{name: row[name] for name in names if name not in ("started_at", "finished_at")},
            rows_filtered=run.filtered[row["number"]],
            ambiguous_times=run.ambiguous[row["number"]],
            problem=delivery.problem,
        )
        accounted = report.rows_loaded + report.rows_quarantined + report.rows_duplicate
        if report.rows_in != accounted:
            raise AssertionError(
                f"{report.file_name}: {report.rows_in} rows read, {accounted} accounted for; nothing was loaded"
            )
        reports.append(report)
    return reports


def _raise_for_problems(deliveries: Sequence[Delivery], reports: list[BatchReport]) -> None:
    problems = [
        f"{delivery.feed.name}: {delivery.problem}"
        for delivery in deliveries
        if delivery.state not in COMPLETE_STATES and delivery.feed.required
    ]
    if problems:
        shown = "\n  ".join(problems[:20]) + (f"\n  and {len(problems) - 20} more" if len(problems) > 20 else "")
        raise DeliveryError(
            f"{len(problems)} deliveries could not be loaded, what they brought before is unchanged:\n  {shown}", reports
        )
