"""The code location as the Dagster UI sees it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from orchestration.settings import Settings

LAYERS = {"raw", "seeds", "staging", "intermediate", "marts", "ml", "serving"}


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    from orchestration.definitions import defs

    return defs()


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    from orchestration.defs.warehouse.manifest import load_json

    return load_json()


@pytest.fixture(scope="module")
def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return list(definitions.resolve_all_asset_specs())


def test_every_dbt_test_is_an_asset_check(definitions: dg.Definitions, manifest: dict[str, Any]) -> None:
    """Two tests of one name and table would silently be one check: the counts have to be equal."""
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    from orchestration.defs.warehouse.assets import warehouse_models

    checks = Counter((spec.metadata or {})["dagster_dbt/unique_id"] for spec in warehouse_models.check_specs)
    assert checks == Counter(test["unique_id"] for test in tests)
    assert len(tests) > 50
    blocking = {spec.name for spec in warehouse_models.check_specs if spec.blocking}
    assert blocking == {test["name"] for test in tests if test["config"]["severity"].lower() == "error"}


def test_every_model_and_seed_is_an_asset_in_its_layer(specs: list[dg.AssetSpec], manifest: dict[str, Any]) -> None:
    built = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] in ("model", "seed") and node["config"]["materialized"] != "ephemeral"
    }
    assert built <= {spec.key.path[-1] for spec in specs}
    assert {spec.key.path[0] for spec in specs} <= LAYERS


def test_assets_are_described(specs: list[dg.AssetSpec]) -> None:
    made = [spec for spec in specs if spec.key.path[0] != "raw" or spec.owners]
    for spec in made:
        name = spec.key.to_user_string()
        assert spec.description, name
        assert spec.group_name, name
        assert spec.group_name.split("/")[0] == spec.key.path[0], name
        assert spec.owners, name
        assert spec.kinds, name


def test_what_managers_see_has_a_freshness_policy(specs: list[dg.AssetSpec]) -> None:
    marts = [spec for spec in specs if spec.key.path[0] == "marts"]
    assert marts
    assert all(spec.freshness_policy is not None for spec in marts)


def test_everything_that_writes_waits_in_one_pool(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("daily")
    pools = {node.definition.name: node.definition.pool for node in job.graph.nodes}  # type: ignore[attr-defined]
    assert set(pools.values()) == {"warehouse"}, pools
    assert job.executor_def is dg.in_process_executor


def test_what_is_delivered_by_day_has_a_partition_per_day(definitions: dg.Definitions) -> None:
    from orchestration.defs.raw.assets import RAW_ASSETS

    by_name = {asset.key.path[-1]: asset for asset in RAW_ASSETS}
    events = by_name["web_events"]
    assert isinstance(events.partitions_def, dg.DailyPartitionsDefinition)
    days = events.partitions_def.get_partition_keys()
    assert days[0] == "2026-01-01"
    assert days[-1] == Settings.from_environment().yesterday().isoformat()
    assert events.backfill_policy == dg.BackfillPolicy.single_run()
    assert by_name["stores"].partitions_def is None, "a snapshot is the same whichever day is run"
    for asset in RAW_ASSETS:
        (conservation,) = [spec for spec in asset.check_specs if spec.name == "conservation"]
        assert conservation.blocking


def test_the_schedule_runs_yesterday_at_five(definitions: dg.Definitions) -> None:
    schedule = definitions.get_repository_def().get_schedule_def("every_morning")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 5 * * *", "Europe/Berlin")
    morning = datetime(2026, 3, 30, 5, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    context = dg.build_schedule_context(
        scheduled_execution_time=morning, repository_def=definitions.get_repository_def()
    )
    requests = schedule.evaluate_tick(context).run_requests or []
    assert [request.partition_key for request in requests] == ["2026-03-29"]


def test_publishing_comes_after_every_mart_and_estimate(specs: list[dg.AssetSpec]) -> None:
    """Publishing copies them all, so it waits for them all."""
    by_key = {spec.key: spec for spec in specs}
    waits_for = {dep.asset_key for dep in by_key[dg.AssetKey(["serving", "publish"])].deps}
    assert waits_for == {key for key in by_key if key.path[0] in ("marts", "ml")}


def test_dbt_is_started_as_few_times_as_the_graph_allows(definitions: dg.Definitions) -> None:
    """Once each for the seeds, the loaded tables, the books of the loads, and what reads the estimates."""
    job = definitions.resolve_job_def("daily")
    assert sum(node.name.startswith("dbt") for node in job.graph.nodes) <= 4


def test_dbt_reads_the_books_of_the_loads_when_they_are_complete(specs: list[dg.AssetSpec]) -> None:
    waits_for = {spec.key.path[-1]: {dep.asset_key.to_user_string() for dep in spec.deps} for spec in specs}
    loaded = {spec.key.to_user_string() for spec in specs if spec.key.path[0] == "raw" and spec.owners}
    books = {"raw/load_batches", "raw/quarantine"}
    assert books <= loaded
    assert loaded - books <= waits_for["load_batches"]
    assert "raw/load_batches" in waits_for["stg_loads__batches"]
    assert "raw/quarantine" in waits_for["stg_loads__quarantine"]


def test_a_test_of_several_models_runs_after_the_last_of_them(manifest: dict[str, Any]) -> None:
    """fct_channel_credits is built after the estimates: what compares it with anything has to wait for it."""
    nodes = manifest["nodes"]
    late = next(key for key, node in nodes.items() if node["name"] == "fct_channel_credits")
    comparing = [
        node
        for node in nodes.values()
        if node["resource_type"] == "test"
        and late in node["depends_on"]["nodes"]
        and len(set(node["depends_on"]["nodes"])) > 1
    ]
    below = {late, *(key for key, parents in manifest["parent_map"].items() if late in parents)}
    assert all(node["attached_node"] in below for node in comparing)


def test_alerts_exist_only_where_they_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.defs.automation import alert_sensors

    assert alert_sensors() == []
    monkeypatch.setenv("NETZPLAN_ALERT_SLACK_WEBHOOK", "https://hooks.example/T/B/x")
    monkeypatch.setenv("NETZPLAN_ALERT_EMAIL_FROM", "netzplan@example.org")
    monkeypatch.setenv("NETZPLAN_ALERT_EMAIL_TO", "a@example.org, b@example.org")
    assert [sensor.name for sensor in alert_sensors()] == ["email_on_failure", "slack_on_failure"]
    assert {sensor.default_status for sensor in alert_sensors()} == {dg.DefaultSensorStatus.RUNNING}
