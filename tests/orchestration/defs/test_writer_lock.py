"""One writer at a time; a writer that died is cleared away by the next."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from orchestration.defs import resources
from orchestration.defs.resources import writer_lock
from orchestration.settings import PROJECT_DIR

LOG = logging.getLogger("test")
HOLD = """
import sys, time
from pathlib import Path
from orchestration.defs.resources import writer_lock
with writer_lock(Path(sys.argv[1]), sys.argv[2], None, None):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path, run_id: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), run_id],
        env={"PYTHONPATH": str(PROJECT_DIR), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@dg.op
def nothing() -> None: ...


@dg.job
def daily() -> None:
    nothing()


def started_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    run = instance.create_run_for_job(daily)
    instance.report_dagster_event(
        dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, daily.name, message="started"), run.run_id
    )
    instance.event_log_storage.set_concurrency_slots("warehouse", 1)
    instance.event_log_storage.claim_concurrency_slot("warehouse", run.run_id, "dbt")
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_killed_run_is_ended_and_gives_its_place_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("home"))) as instance:
        run = started_run(instance)
        process = hold(tmp_path / "w.lock", run.run_id)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert status(instance, run) == dg.DagsterRunStatus.STARTED
        with writer_lock(tmp_path / "w.lock", "next", instance, LOG):
            assert status(instance, run) == dg.DagsterRunStatus.FAILURE
            slots = instance.event_log_storage.get_concurrency_info("warehouse")
            assert slots.active_run_ids == set()


def test_a_run_that_ended_is_left_alone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with dg.instance_for_test(temp_dir=str(tmp_path_factory.mktemp("home"))) as instance:
        run = started_run(instance)
        with writer_lock(tmp_path / "w.lock", run.run_id, instance, LOG):
            pass
        with writer_lock(tmp_path / "w.lock", "next", instance, LOG):
            assert status(instance, run) == dg.DagsterRunStatus.STARTED


def test_a_second_writer_waits(tmp_path: Path) -> None:
    process = hold(tmp_path / "w.lock", "first")
    try:
        started = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        # It ends while we wait; only then do we go on.
        subprocess.Popen(["/bin/sh", "-c", f"sleep 1; kill -9 {process.pid}"])
        with writer_lock(tmp_path / "w.lock", "second", None, LOG):
            assert time.monotonic() - started > 0.9
    finally:
        process.kill()
        process.wait()


def test_waiting_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_WAIT_SECONDS", 0)
    process = hold(tmp_path / "w.lock", "first")
    try:
        with pytest.raises(dg.Failure, match="another run"), writer_lock(tmp_path / "w.lock", "second", None, LOG):
            pass
    finally:
        process.kill()
        process.wait()
