"""Replay and rebuild as the Dagster UI sees them, and the note a stopped run leaves for the dashboards."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs.serving.stopped import FILE, note_stopped, write_note


def test_a_rebuild_is_everything_above_raw_and_no_source() -> None:
    from orchestration.definitions import defs
    from orchestration.defs.raw.assets import RAW_ASSETS

    definitions = defs()
    keys = definitions.resolve_job_def("build").asset_layer.executable_asset_keys
    loaded = {key for asset in RAW_ASSETS for key in asset.keys}
    everything = definitions.resolve_job_def("daily").asset_layer.executable_asset_keys
    assert keys == everything - loaded
    assert {dg.AssetKey(["serving", "publish"]), dg.AssetKey(["raw", "load_batches"])} <= keys


def test_a_replay_waits_in_the_pool_and_is_followed_by_a_rebuild() -> None:
    from orchestration.definitions import defs

    repository = defs().get_repository_def()
    job = repository.get_job("replay")
    assert {node.definition.pool for node in job.graph.nodes} == {"warehouse"}  # type: ignore[attr-defined]
    sensor = repository.get_sensor_def("build_after_replay")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    for name in ("daily", "build", "rebuild"):
        assert note_stopped in repository.get_job(name).hook_defs


def test_a_stopped_run_leaves_what_may_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NETZPLAN_SOURCES", "demo")

    @dg.op
    def raw__orders() -> None:
        raise dg.Failure("erp: orders_20261101.csv does not exist; deliver it")

    @dg.op
    def raw__customers() -> None:
        raise ValueError("could not convert anna@post.example")

    @dg.job(hooks={note_stopped})
    def morning() -> None:
        raw__orders()
        raw__customers()

    morning.execute_in_process(raise_on_error=False)
    note = json.loads((tmp_path / "serving" / FILE).read_text())
    assert {step["step"]: step["message"] for step in note["steps"]} == {
        "raw/orders": "erp: orders_20261101.csv does not exist; deliver it",
        "raw/customers": "",
    }
    write_note(tmp_path / "serving", "another run", "dbt", "")
    assert len(json.loads((tmp_path / "serving" / FILE).read_text())["steps"]) == 1
