"""Days of an entity: fetch, land with dlt, then replace them in `raw` in one transaction."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.sources import files, rest, sql
from orchestration.sources.config import Feed, SourcesConfig
from orchestration.sources.deliveries import COMPLETE_STATES, JSON_COLUMN, ROW, Chunk, Delivery, Malformed
from orchestration.sources.errors import DeliveryError, SourceError
from orchestration.sources.mapping import Mapper, landing_schema
from orchestration.sources.pseudonyms import Pseudonymiser
from orchestration.sources.replace import LANDING, BatchReport, Landed, create_raw_tables, replace_days
from orchestration.sources.verdicts import DELIVERY

__all__ = ["BatchReport", "batches", "connect_feed", "create_raw_tables", "load_entity"]

_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 250_000
#: What DuckDB may keep in memory; beyond it, it works on disk. Rows are there twice for a moment, landed and inserted.
_MEMORY = "512MB"


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
    started = time.monotonic()
    landed = Landed(entity, started_at=now)
    run = _Run(landed, Pseudonymiser(key), timezone, now)
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        create_raw_tables(connection)
        if not feeds:
            return []
        try:
            _land(connection, entity, run.rows(feeds, sorted(set(days))), dlt_dir)
            landed.finished_at = now + timedelta(seconds=time.monotonic() - started)
            reports = replace_days(connection, landed)
        finally:
            connection.execute(f"drop schema if exists {LANDING} cascade")
    _raise_for_problems(landed.deliveries, reports)
    return reports


@dataclass(slots=True)
class _Run:
    """Maps what the connectors read and notes what happened to each delivery."""

    landed: Landed
    pseudonymiser: Pseudonymiser
    timezone: str
    now: datetime

    def rows(self, feeds: Sequence[Feed], days: Sequence[date]) -> Iterator[pa.Table]:
        """Landing tables of all feeds, a few large ones rather than one per file."""
        for feed in feeds:
            mapper = Mapper(feed, self.pseudonymiser, self.timezone, self.now)
            deliveries, chunks = connect_feed(feed, days, mapper)
            first = len(self.landed.deliveries)
            self.landed.deliveries += deliveries
            numbers = {id(delivery): first + place for place, delivery in enumerate(deliveries)}
            for batch in batches(chunks, numbers):
                if batch.table is not None:
                    mapped = mapper.map(batch.table)
                    self.landed.filtered.update(mapped.filtered.to_pylist())
                    self.landed.ambiguous.update(mapped.ambiguous.to_pylist())
                    yield mapped.table
                if batch.malformed:
                    yield mapper.malformed(batch.malformed, batch.header)


def connect_feed(feed: Feed, days: Sequence[date], mapper: Mapper) -> tuple[list[Delivery], Iterator[Chunk]]:
    """Deliveries of a feed for the days, and their rows; the deliveries are complete once the rows are read."""
    if feed.kind == "rest":
        deliveries = rest.find_deliveries(feed, days)
        return deliveries, rest.read_deliveries(deliveries)
    if feed.kind == "sql":
        deliveries = sql.find_deliveries(feed, days)
        return deliveries, sql.read_deliveries(deliveries, mapper.needed)
    deliveries = files.find_deliveries(feed, days)
    # A JSON record may lack what it has no value for; a table that lacks a column has changed.
    needed = None if feed.format in ("jsonl", "json") else mapper.needed
    return deliveries, files.read_deliveries(deliveries, needed)


@dataclass(slots=True)
class Batch:
    """Rows of one or many deliveries; `header` is None for JSON."""

    table: pa.Table | None = None
    malformed: list[tuple[int, Malformed]] = field(default_factory=list)
    header: list[str] | None = None


def batches(chunks: Iterable[Chunk], numbers: dict[int, int]) -> Iterator[Batch]:
    """Join the chunks of many small files; other columns or types begin a new batch.

    Parameters
    ----------
    numbers : dict
        `id` of a delivery -> its number, which becomes the column `_delivery`.
    """
    tables: list[pa.Table] = []
    malformed: list[tuple[int, Malformed]] = []
    for chunk in chunks:
        number = numbers[id(chunk.delivery)]
        table = chunk.table.append_column(DELIVERY, pa.array([number] * chunk.table.num_rows, pa.int32()))
        is_full = sum(t.num_rows for t in tables) >= _BATCH_ROWS or sum(t.nbytes for t in tables) >= _BATCH_BYTES
        if tables and (is_full or not tables[-1].schema.equals(table.schema)):
            yield _joined(tables, malformed)
            tables, malformed = [], []
        tables.append(table)
        malformed += [(number, row) for row in chunk.malformed]
    if tables:
        yield _joined(tables, malformed)


def _joined(tables: list[pa.Table], malformed: list[tuple[int, Malformed]]) -> Batch:
    header = [name for name in tables[0].column_names if name not in (ROW, DELIVERY)]
    whole = pa.concat_tables(tables)
    return Batch(whole if whole.num_rows else None, malformed, None if header == [JSON_COLUMN] else header)


def _land(connection: duckdb.DuckDBPyConnection, entity: str, tables: Iterator[pa.Table], dlt_dir: Path) -> None:
    """Bring the rows into schema `landing`. Whatever an interrupted load left behind is dropped first."""
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
    import dlt

    schema = landing_schema(entity)
    connection.execute(f"drop schema if exists {LANDING} cascade")
    folder = dlt_dir / entity
    shutil.rmtree(folder, ignore_errors=True)

    def landing() -> Iterator[pa.Table]:
        yield schema.empty_table()  # makes the table, whether rows follow or not
        for table in tables:
            yield _shaped(table, schema)

    pipeline = dlt.pipeline(
        f"netzplan_{entity}",
        pipelines_dir=str(folder),
        dataset_name=LANDING,
        destination=dlt.destinations.duckdb(connection),
    )
    # Days are the state: which were loaded is in raw.load_batches, not in dlt's bookkeeping.
    pipeline.config.restore_from_destination = False
    try:
        pipeline.run(dlt.resource(landing, name=entity), loader_file_format="parquet", write_disposition="append")
    except Exception as error:
        raise _ours(error) or error from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ours(error: BaseException | None) -> SourceError | None:
    """The source error that dlt wrapped, which says more to the user than dlt's."""
    while error is not None and not isinstance(error, SourceError):
        error = error.__cause__
    return error


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The same rows with exactly the landing columns."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _raise_for_problems(deliveries: Sequence[Delivery], reports: list[BatchReport]) -> None:
    problems = [
        f"{delivery.feed.name}: {delivery.problem}"
        for delivery in deliveries
        if delivery.state not in COMPLETE_STATES and delivery.feed.required
    ]
    if problems:
        more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
        shown = "\n  ".join([*problems[:20], *more])
        raise DeliveryError(
            f"{len(problems)} deliveries could not be loaded, what they brought before is unchanged:\n  {shown}",
            reports,
        )
