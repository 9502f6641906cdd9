"""Dagster's SQLite event log without its fixed cost per event.

A run over 400 days plans and records 400 materialisations for each partitioned asset, 11,000 events. Dagster has
batches for that (`DAGSTER_EVENT_BATCH_SIZE`), which its PostgreSQL storage writes in bulk and its SQLite storage one
by one. And for each single event the SQLite storage opens several connections, reads the schema of its tables and
waits for the disk: 40 ms, a third of the time of a daily run. Same files, same tables; remove this module when Dagster
does better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event

_MOST_OPEN = 8


class BatchingEventLogStorage(SqliteEventLogStorage):
    """Event log that writes batches in bulk and keeps its connections open."""

    @cached_property
    def _engines(self) -> dict[str, Engine]:
        return {}

    @cached_property
    def _known_tables(self) -> set[str]:
        return set()

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                if len(self._engines) >= _MOST_OPEN:
                    self.dispose_engines()
                engine = self._engines[shard] = _open(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def dispose_engines(self) -> None:
        """Close all connections."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()

    def dispose(self) -> None:
        super().dispose()
        self.dispose_engines()

    def delete_events(self, run_id: str) -> None:
        super().delete_events(run_id)
        self.dispose_engines()

    def wipe(self) -> None:
        self.dispose_engines()
        super().wipe()

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._known_tables and super().has_table(table_name):
            self._known_tables.add(table_name)
        return table_name in self._known_tables

    def _has_asset_key_index_cols_on_connection(self, conn: Connection) -> bool:
        # A database of this version has them: it was made or upgraded by it.
        return True

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; what concerns assets goes into the run's file and into the index, once each."""
        bulk = [entry for entry in events if entry.dagster_event_type in ASSET_EVENTS]
        for entry in events:
            if entry.dagster_event_type not in ASSET_EVENTS:
                self.store_event(entry)
        if not bulk:
            return
        rows = [self._event_to_row(entry) for entry in bulk]
        with self.run_connection(bulk[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        statement = SqlEventLogStorageTable.insert().returning(
            SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
        )
        with self.index_transaction() as connection:
            ids = list(connection.execute(statement, rows).scalars())
            self._store_asset_event_tags(connection, bulk, ids)
            # The table of assets keeps the last event of each kind.
            last = {
                (entry.get_dagster_event().asset_key, entry.dagster_event_type): (entry, number)
                for entry, number in zip(bulk, ids, strict=True)
            }
            for entry, number in last.values():
                self._store_asset_event(connection, entry, number)


def _open(url: str) -> Engine:
    engine = create_engine(url, pool_size=1, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        # With a write-ahead log a crash of the process loses nothing; a power cut may lose the last lines of the log.
        connection.execute("pragma synchronous = normal")

    return engine


class BatchingSqliteStorage(DagsterSqliteStorage):
    """Dagster's default storage but for the event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchingEventLogStorage(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(  # type: ignore[override]  # as in the class above it
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> BatchingSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)
