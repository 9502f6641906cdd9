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
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from dashboards import data
from orchestration.defs.serving.facts import FACTS, fact_files
from orchestration.defs.serving.publication import current, table_hashes
from orchestration.settings import PROJECT_DIR, Settings
from tests.conftest import DailyRun, demo_environment, orchestrate


def published(settings: Settings) -> Path:
    pointer = current(settings.serving_dir)
    assert pointer is not None
    return settings.serving_dir / pointer["file"]


def rows(path: Path, query: str) -> list[tuple]:
    # As a dashboard: DuckDB refuses a second connection of one process to a file whose settings differ.
    with data.connect(str(path)) as connection:
        return connection.execute(query).fetchall()


def hashes(settings: Settings) -> dict[str, str]:
    """Hash the published marts, beside whatever else this process has open."""
    with data.connect(str(published(settings))) as connection:
        return table_hashes(connection)


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
    # What is said of single posts and persons stays inside, as do the files of fits; means and counts are published.
    inside = {"catalog_targets", "customer_scores", "model_fits", "next_best_campaigns", "post_sentiments"}
    by_day = {("marts", fact) for fact in FACTS}
    assert {row[:2] for row in sizes} == set(warehouse) - {("ml", table) for table in inside} - by_day
    # Findings that a shop of this size does not give.
    findings = {"ml.campaign_targeting", "ml.cji_incidents"}
    assert {f"{schema}.{table}" for schema, table, size in sizes if not size} <= findings


def test_facts_are_published_by_day_with_all_their_rows(daily_run: DailyRun) -> None:
    for fact, day in FACTS.items():
        files = [str(file) for file in fact_files(daily_run.settings.serving_dir, fact)]
        counts = f"select {day}, count(*) from {{}} group by all order by all"
        found = duckdb.sql(counts.format(f"read_parquet({files})")).fetchall()
        assert found == rows(daily_run.settings.warehouse, counts.format(f"marts.{fact}"))


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
        latest = instance.get_latest_materialization_event(dg.AssetKey(["intermediate", "int_web__sessions"]))
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
                    connections[name] = data.connect(str(self.folder / name))
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


@dataclass(frozen=True)
class Disturbed:
    """What was seen while an old day was run again and killed, and run again to the end, with a reader all the time.

    Attributes
    ----------
    settings : Settings
        A data folder of its own, as the last run left it.
    undisturbed : dict of str to str
        Hashes of the marts before.
    pointer_after_kill, pointer_before : bytes
    killed_with : int
    output : str
        Of the run that ended.
    reader : Reader
    """

    settings: Settings
    undisturbed: dict[str, str]
    pointer_before: bytes
    pointer_after_kill: bytes
    killed_with: int
    output: str
    reader: Reader


@pytest.fixture(scope="module")
def disturbed(daily_run: DailyRun, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    data_dir = tmp_path_factory.mktemp("disturbed") / "data"
    shutil.copytree(daily_run.settings.data_dir, data_dir)
    settings = replace(daily_run.settings, data_dir=data_dir)
    pointer = settings.serving_dir / "current.json"
    before = pointer.read_bytes()
    undisturbed = hashes(settings)
    reader = Reader(settings.serving_dir)
    reader.start()
    day = (daily_run.last_day - timedelta(days=40)).isoformat()
    killed_with = kill_while_building(settings, day)
    after_kill = pointer.read_bytes()
    finished = orchestrate(data_dir, "run", "--day", day)
    deadline = time.monotonic() + 10
    while len(reader.versions) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    reader.stopped.set()
    reader.join()
    output = finished.stdout + finished.stderr
    assert finished.returncode == 0, output
    return Disturbed(settings, undisturbed, before, after_kill, killed_with, output, reader)


def kill_while_building(settings: Settings, day: str) -> int:
    """Start a run, kill -9 its processes as soon as it writes the warehouse's models, return the exit status."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration", "run", "--day", day],
        env=demo_environment(settings.data_dir),
        cwd=PROJECT_DIR,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        # All raw tables are in; the books of the loads come before or during the models.
        if "raw/web_events" in line:
            break
    time.sleep(3)
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def test_a_killed_run_publishes_nothing(disturbed: Disturbed) -> None:
    assert disturbed.killed_with == -signal.SIGKILL
    assert disturbed.pointer_after_kill == disturbed.pointer_before


def test_the_next_run_makes_it_good(disturbed: Disturbed) -> None:
    """It goes on at once, says what happened, and ends with the marts of an undisturbed run."""
    assert "died holding the warehouse" in disturbed.output
    assert hashes(disturbed.settings) == disturbed.undisturbed
    assert not list(disturbed.settings.serving_dir.glob("*unpublished*"))


def test_an_old_day_run_again_does_not_move_today(daily_run: DailyRun, disturbed: Disturbed) -> None:
    pointer = current(disturbed.settings.serving_dir) or {}
    assert pointer["run_id"] != json.loads(disturbed.pointer_before)["run_id"]
    assert pointer["as_of_date"] == daily_run.last_day.isoformat()
    assert pointer["data_version"] == json.loads(disturbed.pointer_before)["data_version"]


def test_a_reader_sees_the_old_version_then_the_new_and_no_error(disturbed: Disturbed) -> None:
    assert not disturbed.reader.errors
    assert disturbed.reader.reads > 100
    assert len(disturbed.reader.versions) == 2


def test_the_lost_run_is_red_in_the_history(disturbed: Disturbed, monkeypatch: pytest.MonkeyPatch) -> None:
    import dagster as dg

    monkeypatch.setenv("DAGSTER_HOME", str(disturbed.settings.dagster_home))
    with dg.DagsterInstance.get() as instance:
        statuses = [run.status for run in instance.get_runs(limit=3)]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]


def test_a_failing_check_leaves_the_old_version_serving(daily_run: DailyRun, disturbed: Disturbed) -> None:
    """A row that is gone from where it was loaded to: the run is red and says where, nothing is published."""
    with duckdb.connect(str(disturbed.settings.warehouse)) as connection:
        connection.execute(
            "delete from raw.orders where rowid = (select min(rowid) from raw.orders where _delivery_date = ?)",
            [daily_run.last_day],
        )
    pointer = (disturbed.settings.serving_dir / "current.json").read_bytes()
    finished = orchestrate(disturbed.settings.data_dir, "run", "--day", daily_run.last_day.isoformat())
    assert finished.returncode == 1
    assert "raw/orders" in finished.stderr
    assert "conservation" in finished.stderr
    assert (disturbed.settings.serving_dir / "current.json").read_bytes() == pointer


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
