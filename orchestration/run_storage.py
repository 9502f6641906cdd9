"""Dagster's SQLite storage with one transaction per batch of events instead of several per event.

A run over 400 days plans and records 400 materialisations for each partitioned asset. Event by event that is 11,000
times a new connection and a commit, minutes of waiting; in batches it is seconds. Dagster has batches
(`DAGSTER_EVENT_BATCH_SIZE`) and its PostgreSQL storage writes them in bulk; its SQLite storage does not. Remove this
module when it does.
"""

from __future__ import annotations

from collections.abc import Sequence

from dagster import EventLogEntry
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, SqliteStorageConfig, _event_logs_directory
from dagster._serdes import ConfigurableClassData


class BatchingEventLogStorage(SqliteEventLogStorage):
    """Event log whose batches are written in bulk."""

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events of one run; what concerns assets goes into the run's file and into the index, once each."""
        bulk = [event for event in events if event.dagster_event_type in ASSET_EVENTS]
        for event in events:
            if event.dagster_event_type not in ASSET_EVENTS:
                self.store_event(event)
        if not bulk:
            return
        rows = [self._event_to_row(event) for event in bulk]
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
                (event.get_dagster_event().asset_key, event.dagster_event_type): (event, number)
                for event, number in zip(bulk, ids, strict=True)
            }
            for event, number in last.values():
                self._store_asset_event(connection, event, number)


class BatchingSqliteStorage(DagsterSqliteStorage):
    """Dagster's default storage but for the event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = BatchingEventLogStorage(_event_logs_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> BatchingSqliteStorage:
        return cls.from_local(inst_data=inst_data, **config_value)
