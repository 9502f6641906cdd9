"""dbt inside the process of the run: its results become Dagster's events, its failures the step's."""

import os
import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from orchestration.defs.warehouse import manifest
from orchestration.defs.warehouse.dbt_build import _raise_on_failure
from orchestration.settings import DBT_PROJECT_DIR
from tests.conftest import DailyRun


@pytest.fixture
def warehouse(daily_run: DailyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "warehouse.duckdb"
    shutil.copy(daily_run.settings.warehouse, path)
    monkeypatch.setenv("NETZPLAN_WAREHOUSE", str(path))
    return path


def dbt(tmp_path: Path, *arguments: str) -> object:
    paths = ["--project-dir", str(DBT_PROJECT_DIR), "--profiles-dir", str(DBT_PROJECT_DIR)]
    paths += ["--target-path", str(tmp_path), "--log-path", str(tmp_path)]
    folder = os.getcwd()
    try:
        return dbtRunner(manifest=manifest.load_native()).invoke(["--quiet", *arguments, *paths])
    finally:
        os.chdir(folder)
        DuckDBConnectionManager.env().close()


def test_the_unit_tests_of_the_models_pass(warehouse: Path, tmp_path: Path) -> None:
    outcome = dbt(tmp_path, "test", "--select", "test_type:unit")
    tests = [result for result in outcome.result if result.node.resource_type == "unit_test"]  # type: ignore[attr-defined]
    assert not [str(result) for result in tests if str(result.status) != "pass"]
    assert len(tests) >= 5


def test_a_failing_test_fails_the_step_and_is_named(warehouse: Path, tmp_path: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("insert into intermediate.int_web__sessions from intermediate.int_web__sessions limit 1")
    outcome = dbt(tmp_path, "test", "--select", "fct_sessions_grain")
    with pytest.raises(dg.Failure, match="fct_sessions_grain") as failure:
        _raise_on_failure(outcome)
    (failed,) = failure.value.metadata["failed"].value
    assert failed.startswith("test.netzplan.fct_sessions_grain")


def test_what_was_parsed_is_parsed_again_only_after_a_change(tmp_path: Path) -> None:
    project = tmp_path / "dbt project"
    shutil.copytree(DBT_PROJECT_DIR, project, ignore=shutil.ignore_patterns("target", "logs"))
    assert manifest.prepare(project)
    assert not manifest.prepare(project)
    model = next(project.rglob("fct_sessions.sql"))
    model.write_text(model.read_text() + "\n-- changed\n")
    assert manifest.prepare(project)
    model.write_text("select {{ oops")
    with pytest.raises(manifest.DbtProjectError, match="does not parse"):
        manifest.prepare(project)


def test_the_lock_on_the_warehouse_is_given_back(daily_run: DailyRun) -> None:
    """dbt likes to keep its connection: after the run anybody can write."""
    with duckdb.connect(str(daily_run.settings.warehouse)) as connection:
        assert connection.execute("select 1").fetchall() == [(1,)]
