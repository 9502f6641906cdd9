"""The whole daily run: everything arrives, is built, checked and published, and nothing about it is fragile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.defs.serving.publication import current, mart_hashes
from orchestration.settings import PROJECT_DIR, Settings
from tests.conftest import DailyRun, demo_environment, orchestrate


@pytest.fixture
def copy(daily_run: DailyRun, tmp_path: Path) -> Settings:
    """A data folder of one's own in the state after the daily run."""
    shutil.copytree(daily_run.settings.data_dir, tmp_path / "data")
    return Settings(data_dir=tmp_path / "data", sources=None, demo_size="tests")


def published(settings: Settings) -> Path:
    pointer = current(settings.serving_dir)
    assert pointer is not None
    return settings.serving_dir / pointer["file"]


def rows(path: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_one_command_publishes_and_says_what_to_do_next(daily_run: DailyRun) -> None:
    assert "make dev" in daily_run.output
    assert "where the time went" in daily_run.output
    pointer = json.loads((daily_run.settings.serving_dir / "current.json").read_text())
    assert pointer["as_of_date"] == daily_run.last_day.isoformat()
    assert pointer["source_kind"] == "demo"
    assert (daily_run.settings.serving_dir / pointer["file"]).is_file()


def test_every_mart_and_estimate_is_published_with_rows(daily_run: DailyRun) -> None:
    warehouse = rows(
        daily_run.settings.warehouse,
        "select table_schema, table_name from information_schema.tables where table_schema in ('marts', 'ml')",
    )
    file = published(daily_run.settings)
    sizes = rows(
        file, "select schema_name, table_name, estimated_size from duckdb_tables() where schema_name in ('marts', 'ml')"
    )
    assert {row[:2] for row in sizes} == set(warehouse)
    assert not [f"{schema}.{table}" for schema, table, size in sizes if not size]


def test_what_came_in_is_accounted_for(daily_run: DailyRun) -> None:
    sums = rows(
        daily_run.settings.warehouse,
        "select sum(rows_in), sum(rows_loaded), sum(rows_quarantined), sum(rows_duplicate) from raw.load_batches",
    )[0]
    assert sums[0] == sum(sums[1:])
    assert all(sums), "the shop is dirty: some rows are quarantined, some are duplicates"


def test_the_checks_of_the_run_are_published_with_it(daily_run: DailyRun) -> None:
    results = rows(published(daily_run.settings), "select asset, check_name, status, severity from meta.check_results")
    assets = {asset.split("/")[0] for asset, *_ in results}
    assert {"raw", "marts", "ml"} <= assets
    assert not [result for result in results if result[2:] == ("failed", "error")]


def test_the_run_stands_in_the_history(daily_run: DailyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    monkeypatch.setenv("DAGSTER_HOME", str(daily_run.settings.dagster_home))
    pointer = current(daily_run.settings.serving_dir) or {}
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(pointer["run_id"])
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
        filled = instance.get_materialized_partitions(dg.AssetKey(["raw", "web_events"]))
        assert daily_run.last_day.isoformat() in filled
        assert len(filled) == (daily_run.last_day - daily_run.first_day).days + 1
        latest = instance.get_latest_materialization_event(dg.AssetKey(["marts", "fct_sessions"]))
        assert latest is not None
        assert latest.asset_materialization is not None
        count = rows(daily_run.settings.warehouse, "select count(*) from marts.fct_sessions")[0][0]
        assert latest.asset_materialization.metadata["dagster/row_count"].value == count


class Reader(threading.Thread):
    """Does what a dashboard does: follows the pointer, opens what it names, asks, keeps the connection a while."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder = folder
        self.versions: set[str] = set()
        self.reads = 0
        self.errors: list[Exception] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        connections: dict[str, duckdb.DuckDBPyConnection] = {}
        while not self.stopped.wait(0.05):
            try:
                name = json.loads((self.folder / "current.json").read_text())["file"]
                if name not in connections:
                    settings = {"enable_external_access": "false", "lock_configuration": "true"}
                    connections[name] = duckdb.connect(str(self.folder / name), read_only=True, config=settings)
                for connection in connections.values():
                    cursor = connection.cursor()
                    said = cursor.execute("select run_id from meta.published").fetchall()[0][0]
                    cursor.execute("select count(*), sum(revenue_eur) from marts.fct_channel_daily").fetchall()
                    self.versions.add(said)
                self.reads += 1
            except Exception as error:
                self.errors.append(error)
        for connection in connections.values():
            connection.close()


@pytest.fixture
def reader(copy: Settings) -> Iterator[Reader]:
    thread = Reader(copy.serving_dir)
    thread.start()
    yield thread
    thread.stopped.set()
    thread.join()


def test_a_day_can_be_run_again_while_dashboards_read(daily_run: DailyRun, copy: Settings, reader: Reader) -> None:
    """An old day, run again: the same marts, "today" does not move, a reader sees the old version and then the new."""
    before = mart_hashes(published(copy))
    finished = orchestrate(copy.data_dir, "run", "--day", (daily_run.last_day - timedelta(days=40)).isoformat())
    assert finished.returncode == 0, finished.stdout + finished.stderr
    deadline = time.monotonic() + 10
    while len(reader.versions) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    reader.stopped.set()
    reader.join()
    assert not reader.errors
    assert reader.reads > 10
    assert len(reader.versions) == 2
    after = mart_hashes(published(copy))
    assert after == before
    assert (current(copy.serving_dir) or {})["as_of_date"] == daily_run.last_day.isoformat()
    assert len(list(copy.serving_dir.glob("*.duckdb"))) == 2


def test_a_run_killed_in_the_middle_is_made_good_by_the_next(daily_run: DailyRun, copy: Settings) -> None:
    """kill -9 while the warehouse is being built; the old version goes on serving; the next run ends like any other."""
    day = (daily_run.last_day - timedelta(days=3)).isoformat()
    before, pointer = mart_hashes(published(copy)), (copy.serving_dir / "current.json").read_bytes()
    killed = kill_while(copy, day, "dbt")
    assert killed == -signal.SIGKILL
    assert (copy.serving_dir / "current.json").read_bytes() == pointer
    finished = orchestrate(copy.data_dir, "run", "--day", day)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "died holding the warehouse" in finished.stdout + finished.stderr
    assert mart_hashes(published(copy)) == before


def kill_while(settings: Settings, day: str, step: str) -> int:
    """Start a run, kill its process group as soon as the step is under way, return the exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run", "--day", day],
        env=demo_environment(settings.data_dir),
        cwd=PROJECT_DIR,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = settings.data_dir / "dbt" / "dbt.log"
    size = log.stat().st_size
    deadline = time.monotonic() + 300
    # dbt's log grows when models are being built.
    while log.stat().st_size < size + 4000 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def test_a_failing_check_leaves_the_old_version_serving(daily_run: DailyRun, copy: Settings) -> None:
    """A row that breaks the conservation equation: the run is red and says where, nothing is published."""
    with duckdb.connect(str(copy.warehouse)) as connection:
        connection.execute(
            "update raw.load_batches set rows_in = rows_in + 1 where batch_id = "
            "(select batch_id from raw.load_batches where entity = 'orders' order by batch_id limit 1)"
        )
    pointer = (copy.serving_dir / "current.json").read_bytes()
    finished = orchestrate(copy.data_dir, "run", "--day", daily_run.last_day.isoformat())
    assert finished.returncode != 0
    assert "raw/orders" in finished.stderr
    assert "conservation" in finished.stderr
    assert (copy.serving_dir / "current.json").read_bytes() == pointer


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--day", "2001-01-01"], "not a day that can be run"),
        (["--day", (date.today() + timedelta(days=3)).isoformat()], "not a day that can be run"),
        (["--from", "2026-02-02", "--to", "2026-02-01"], "exchange them"),
    ],
)
def test_a_day_that_cannot_be_run_is_refused_in_words(daily_run: DailyRun, arguments: list[str], said: str) -> None:
    finished = orchestrate(daily_run.settings.data_dir, "run", *arguments)
    assert finished.returncode == 1
    assert said in finished.stderr
    assert "Traceback" not in finished.stderr
