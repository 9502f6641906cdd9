"""The warehouse as Dagster's assets see it: one writer at a time, across processes and after a crash."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
import pyarrow as pa

from orchestration.defs.ml.tables import create_ml_tables
from orchestration.settings import Settings
from orchestration.sources.load import create_raw_tables

if TYPE_CHECKING:
    from dagster import DagsterInstance

_DEFS = Path(__file__).resolve().parent
_WAIT_SECONDS = 3 * 3600


class Warehouse(dg.ConfigurableResource):
    """The DuckDB file of the pipeline.

    Attributes
    ----------
    path : str
        The database file. Held by one run at a time: a second run waits until the first ends.
    timezone : str
        Zone in which timestamps are shown; they are stored in UTC.
    """

    path: str
    timezone: str

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Warehouse]:
        run_id = context.run.run_id if context.run else "interactive"
        with writer_lock(Path(self.path).with_suffix(".lock"), run_id, context.instance, context.log):
            with self.connect() as connection:
                create_raw_tables(connection)
                create_ml_tables(connection)
            yield self

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Open the database for the length of a `with` block."""
        # No settings here: DuckDB refuses a second connection of one process whose settings differ.
        connection = duckdb.connect(self.path)
        try:
            connection.execute(f"set timezone = '{self.timezone}'")
            yield connection
        finally:
            connection.close()

    def read_query(self, name: str, **parameters: Any) -> pa.Table:
        """Return the rows of `defs/<name>`, a SQL file, with bound parameters."""
        with self.connect() as connection:
            statement = (_DEFS / name).read_text(encoding="utf-8")
            return connection.execute(statement, parameters or None).to_arrow_table()

    def replace(self, table: str, rows: pa.Table) -> None:
        """Replace a table by these rows, in one transaction."""
        with self.connect() as connection:
            connection.register("_rows", rows)
            connection.execute(f"create or replace table {table} as from _rows")

    def last_delivery(self, entity: str | None = None) -> date | None:
        """Return the latest day that was delivered, be it empty; None if nothing comes by day.

        Running an old day again leaves it where it is: "today" never moves backwards.
        """
        with self.connect() as connection:
            last: date | None = connection.execute(
                'select max(try_cast("window" as date)) from raw.load_batches '
                "where state in ('loaded', 'empty', 'header_only') and ($entity is null or entity = $entity)",
                {"entity": entity},
            ).fetchall()[0][0]
        return last


@contextmanager
def writer_lock(path: Path, run_id: str, instance: DagsterInstance | None, log: Any) -> Iterator[None]:
    """Hold the warehouse for this run, and clear up after a run that died holding it.

    The operating system frees the lock of a killed process, but Dagster still believes that its run goes on and
    keeps its place in the pool. The name left in the file says which run that was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as lock:
        _wait_for(lock, log)
        lock.seek(0)
        died = lock.read().strip()
        if died and died != run_id and instance is not None:
            _end_lost_run(died, instance, log)
        _write(lock, run_id)
        try:
            yield
        finally:
            _write(lock, "")


def _wait_for(lock: Any, log: Any) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    told = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise dg.Failure(f"another run has held the warehouse for {_WAIT_SECONDS // 3600} hours") from None
            if not told and log is not None:
                lock.seek(0)
                log.info(f"waiting for run {lock.read().strip() or 'of another process'}, which holds the warehouse")
                told = True
            time.sleep(0.5)
        else:
            return


def _end_lost_run(run_id: str, instance: DagsterInstance, log: Any) -> None:
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        instance.report_run_failed(run, "The process of this run ended without a word (killed, or out of memory).")
    instance.event_log_storage.free_concurrency_slots_for_run(run_id)
    if log is not None:
        log.warning(f"run {run_id} died holding the warehouse; it is marked as failed and its work is done again")


def _write(lock: Any, text: str) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(text)
    lock.flush()


@dg.definitions
def defs() -> dg.Definitions:
    settings = Settings.from_environment()
    return dg.Definitions(resources={"warehouse": Warehouse(path=str(settings.warehouse), timezone=settings.timezone)})
