"""Publishing refuses while a check stands as failed, also when it is started by hand."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration.defs.resources import Warehouse
from orchestration.defs.serving.assets import publish_version
from orchestration.defs.serving.publication import current
from orchestration.settings import Settings

MODEL = dg.AssetKey(["marts", "fct_sessions"])


def model_with_checks(*, grain: bool) -> dg.AssetsDefinition:
    """A stand-in for a mart whose test has this result."""
    spec = dg.AssetCheckSpec("fct_sessions_grain", asset=MODEL)

    @dg.asset(key=MODEL, check_specs=[spec])
    def mart() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(check_name=spec.name, passed=grain)])

    return mart


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path / "data"))
    settings = Settings.from_environment()
    settings.data_dir.mkdir()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "create schema marts; create schema intermediate; "
            "create table marts.fct_sessions as select 1 as session_id, current_date as session_date; "
            "create table intermediate.int_calendar__as_of as select date '2026-02-28' as as_of_date"
        )
    return settings


def publish(instance: dg.DagsterInstance, settings: Settings) -> dg.ExecuteInProcessResult:
    warehouse = Warehouse(path=str(settings.warehouse), timezone=settings.timezone)
    return dg.materialize(
        [publish_version], instance=instance, resources={"warehouse": warehouse}, raise_on_error=False
    )


def test_a_failed_check_keeps_the_door_shut_until_it_passes(instance: dg.DagsterInstance, settings: Settings) -> None:
    dg.materialize([model_with_checks(grain=False)], instance=instance)
    refused = publish(instance, settings)
    assert not refused.success
    assert current(settings.serving_dir) is None
    failure = refused.failure_data_for_node("serving__publish")
    assert failure is not None
    assert "marts/fct_sessions: fct_sessions_grain" in str(failure.user_failure_data or failure.error)

    dg.materialize([model_with_checks(grain=True)], instance=instance)
    published = publish(instance, settings)
    assert published.success
    pointer = current(settings.serving_dir)
    assert pointer is not None
    assert pointer["run_id"] == published.run_id
    assert pointer["as_of_date"] == "2026-02-28"
    with duckdb.connect(str(settings.serving_dir / pointer["file"]), read_only=True) as connection:
        results = connection.execute("select check_name, status, severity from meta.check_results").fetchall()
    assert results == [("fct_sessions_grain", "passed", "error")]
