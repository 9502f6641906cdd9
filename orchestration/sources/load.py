"""Days of an entity: fetch, land, then replace them in `raw` in one transaction. What is unchanged is left as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.sources import files, rest, sql
from orchestration.sources.config import Feed, SourcesConfig
from orchestration.sources.deliveries import COMPLETE_STATES, JSON_COLUMN, ROW, Chunk, Delivery, Malformed
from orchestration.sources.drift import judge
from orchestration.sources.errors import DeliveryError
from orchestration.sources.landing import Landing
from orchestration.sources.mapping import Mapper, landing_schema
from orchestration.sources.pseudonyms import Keys, Pseudonymiser, check_keys
from orchestration.sources.replace import BatchReport, Landed, create_raw_tables, landing_table, replace_days
from orchestration.sources.source_columns import observed
from orchestration.sources.unchanged import Known, content_hash, mapping_fingerprint, rejected_rows
from orchestration.sources.verdicts import DAY, DELIVERY
from orchestration.sources.watermarks import set_starts

__all__ = ["BatchReport", "batches", "connect_feed", "create_raw_tables", "load_entity", "open_raw"]

_BATCH_BYTES = 32 << 20
_BATCH_ROWS = 250_000
#: What DuckDB may keep in memory; beyond it, it works on disk.
_MEMORY = "512MB"

Mappers = Callable[[Feed], Mapper]


def load_entity(
    config: SourcesConfig,
    entity: str,
    days: Iterable[date],
    *,
    warehouse: Path,
    key: Keys,
    timezone: str,
    now: datetime,
) -> list[BatchReport]:
    """Load all feeds of one entity for the days, replacing what those days brought before.

    A delivery that is what `raw` holds already (the same bytes, mapped the same way) is not loaded again.

    Parameters
    ----------
    config : SourcesConfig
        The feeds.
    entity : str
        Name of the raw table.
    days : iterable of date
        Business days; each feed adds its look-back. Snapshot feeds are read once, whatever the days.
    warehouse : Path
        DuckDB file, created if absent. No other process may have it open.
    key : bytes or sequence of bytes
        Secret of the pseudonyms, with those it replaced before it.
    timezone : str
        Zone of the business day, and of wall-clock times whose feed names none.
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
    KeyChangedError
        The pseudonyms in `raw` were made with another key.
    """
    asked = sorted(set(days))
    with open_raw(warehouse, key) as connection:
        feeds = config.of_entity(entity)
        if not feeds:
            return []
        load = Load(connection, entity, Pseudonymiser(key), timezone, now)
        for feed in feeds:
            # What the look-back adds ends where the installation begins.
            wanted = [day for day in feed.wanted(asked) if day >= config.start or day in asked]
            load.read(feed, find_deliveries(feed, wanted), asked)
        reports = load.finish()
    _raise_for_problems(load.landed.deliveries, reports)
    return reports


@contextmanager
def open_raw(warehouse: Path, key: Keys) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse for one load: the contract's tables are there, and whatever lands is gone in the end."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        # Two threads that write one table in order take twice the CPU of one and as long.
        connection.execute("set threads = 1")
        create_raw_tables(connection)
        check_keys(connection, key)
        yield connection


class Load:
    """One load of an entity: deliveries are read and mapped, then swapped in.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        From `open_raw`.
    again : bool, default False
        Read also what is unchanged.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        entity: str,
        pseudonymiser: Pseudonymiser,
        timezone: str,
        now: datetime,
        *,
        again: bool = False,
    ) -> None:
        self.connection = connection
        self.landed = Landed(entity, started_at=now)
        self._pseudonymiser = pseudonymiser
        self._timezone = timezone
        self._now = now
        self._started = time.monotonic()
        self._known = Known(connection, entity)
        self._again = again
        self._landing = Landing(connection, landing_table(entity), landing_schema(entity))

    def read(self, feed: Feed, deliveries: Sequence[Delivery], asked: Sequence[date] = ()) -> None:
        """Read the deliveries of one feed, but not those whose day is unchanged."""
        mapping = mapping_fingerprint(feed, self._timezone)
        for delivery in deliveries:
            delivery.mapping = mapping
            delivery.is_asked = not feed.is_daily or delivery.day in asked
        set_starts(self.connection, feed, deliveries, self._now)
        if feed.kind == "files" and not self._again:
            self._known.skip_unread(deliveries, files.sha256)
        deliveries = [delivery for delivery in deliveries if not self._is_gone(delivery)]
        mapper = Mapper(feed, self._pseudonymiser, self._timezone, self._now)
        unread = [delivery for delivery in deliveries if not delivery.is_unchanged]
        self.land(mapper, deliveries, observed(content_hash(read_deliveries(feed, unread, mapper))))

    def land(self, mapper: Mapper, deliveries: Sequence[Delivery], chunks: Iterable[Chunk]) -> None:
        """Map what was read into the landing table, a few large batches rather than one per file."""
        landed = self.landed
        first = len(landed.deliveries)
        landed.deliveries += deliveries
        numbers = {id(delivery): first + place for place, delivery in enumerate(deliveries)}
        for batch in batches(chunks, numbers):
            if batch.table is not None:
                mapped = mapper.map(batch.table)
                landed.filtered.update(mapped.filtered.to_pylist())
                landed.ambiguous.update(mapped.ambiguous.to_pylist())
                self.add(mapped.table)
            if batch.malformed:
                self.add(mapper.malformed(batch.malformed, batch.header))

    def add(self, table: pa.Table) -> None:
        """Land mapped rows; columns they lack are NULL."""
        self._landing.add(table)

    def finish(self) -> list[BatchReport]:
        """Swap in the days that brought something new, all or none."""
        self._landing.close()
        try:
            self._known.keep_same(self.landed.deliveries, rejected_rows(self.connection, self.landed.entity))
            self.landed.finished_at = self._now + timedelta(seconds=time.monotonic() - self._started)
            judge(self.connection, self.landed.entity, self.landed.deliveries, self._landing)
            return replace_days(self.connection, self.landed, self._landing)
        finally:
            self._landing.drop()

    def _is_gone(self, delivery: Delivery) -> bool:
        """Whether a day that was only looked back to is no longer offered: what it brought stays."""
        return delivery.state == "missing" and not delivery.is_asked and self._known.has(delivery)


def connect_feed(feed: Feed, days: Sequence[date], mapper: Mapper) -> tuple[list[Delivery], Iterator[Chunk]]:
    """Deliveries of a feed for the days, and their rows; the deliveries are complete once the rows are read."""
    deliveries = find_deliveries(feed, days)
    return deliveries, read_deliveries(feed, deliveries, mapper)


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """What there is to read of a feed for the days."""
    return {"rest": rest, "sql": sql}.get(feed.kind, files).find_deliveries(feed, days)


def read_deliveries(feed: Feed, deliveries: Sequence[Delivery], mapper: Mapper) -> Iterator[Chunk]:
    """Rows of the deliveries."""
    if feed.kind == "rest":
        return rest.read_deliveries(deliveries, mapper.timezone)
    if feed.kind == "sql":
        return sql.read_deliveries(deliveries, mapper.needed, mapper.timezone)
    # A JSON record may lack what it has no value for; a table that lacks a column has changed.
    needed = None if feed.records_are_json else mapper.needed
    return files.read_deliveries(deliveries, needed)


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
        `id` of a delivery -> its number, which becomes the column `_delivery`; its day becomes `_delivery_day`.
    """
    tables: list[pa.Table] = []
    malformed: list[tuple[int, Malformed]] = []
    for chunk in chunks:
        number, rows = numbers[id(chunk.delivery)], chunk.table.num_rows
        table = chunk.table.append_column(DELIVERY, pa.repeat(pa.scalar(number, pa.int32()), rows))
        table = table.append_column(DAY, pa.repeat(pa.scalar(chunk.delivery.business_day, pa.date32()), rows))
        is_full = sum(t.num_rows for t in tables) >= _BATCH_ROWS or sum(t.nbytes for t in tables) >= _BATCH_BYTES
        if tables and (is_full or not tables[-1].schema.equals(table.schema)):
            yield _joined(tables, malformed)
            tables, malformed = [], []
        tables.append(table)
        malformed += [(number, row) for row in chunk.malformed]
    if tables:
        yield _joined(tables, malformed)


def _joined(tables: list[pa.Table], malformed: list[tuple[int, Malformed]]) -> Batch:
    header = [name for name in tables[0].column_names if name not in (ROW, DELIVERY, DAY)]
    whole = pa.concat_tables(tables)
    return Batch(whole if whole.num_rows else None, malformed, None if header == [JSON_COLUMN] else header)


def _raise_for_problems(deliveries: Sequence[Delivery], reports: list[BatchReport]) -> None:
    problems = [
        f"{delivery.feed.name}: {delivery.problem}"
        for delivery in deliveries
        if delivery.state not in COMPLETE_STATES
        and delivery.feed.required
        # A day looked back to was red when it was asked for; that it is still not there need not stop today.
        and (delivery.is_asked or delivery.state != "missing")
    ]
    if problems:
        more = [f"and {len(problems) - 20} more"] if len(problems) > 20 else []
        shown = "\n  ".join([*problems[:20], *more])
        raise DeliveryError(
            f"{len(problems)} deliveries could not be loaded, what they brought before is unchanged:\n  {shown}",
            reports,
        )
