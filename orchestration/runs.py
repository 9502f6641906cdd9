"""A run of a job in this process: the same job, history and locks as when the schedule or the UI starts it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from orchestration.environment import prepare_environment
from orchestration.settings import Settings


class RunError(RuntimeError):
    """The run cannot start or did not succeed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RunReport:
    """How a run went.

    Attributes
    ----------
    run_id : str
    seconds : float
        Wall-clock time of the run.
    steps : tuple of (str, float)
        Steps that succeeded, with their seconds, in order.
    failed : tuple of str
        Steps that failed.
    outputs : mapping
        Step -> metadata of what it made.
    """

    run_id: str
    seconds: float
    steps: tuple[tuple[str, float], ...]
    failed: tuple[str, ...]
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run_days(settings: Settings, first: date | None = None, last: date | None = None) -> RunReport:
    """Load, build, fit and publish a range of days in one run.

    Parameters
    ----------
    settings : Settings
    first, last : date, optional
        Both included. Without `first` only `last`; without either yesterday.

    Raises
    ------
    RunError
        If a day is outside what can be run, or the run failed.
    """
    prepare_environment(settings)
    from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG

    from orchestration.defs.partitions import DAYS, SOURCES

    last = last or settings.yesterday()
    first = first or last
    if first > last:
        raise RunError(f"the range begins ({first}) after it ends ({last}): exchange them")
    if not SOURCES.feeds:
        raise RunError("there is nothing to load yet: write a sources.yaml, or simulate a shop with make demo")
    keys = DAYS.get_partition_keys()
    for day in (first, last):
        if day.isoformat() not in keys:
            known = f"{keys[0]} to {keys[-1]}" if keys else "none yet"
            raise RunError(f"{day} is not a day that can be run; these are: {known}")
    tags = {ASSET_PARTITION_RANGE_START_TAG: first.isoformat(), ASSET_PARTITION_RANGE_END_TAG: last.isoformat()}
    return _execute("daily", tags=tags)


def rebuild(settings: Settings) -> RunReport:
    """Build, fit and publish everything anew from the raw rows that are there.

    Raises
    ------
    RunError
        If the run failed.
    """
    prepare_environment(settings)
    return _execute("rebuild")


def replay_rows(settings: Settings, source: str | None = None, reason: str | None = None) -> tuple[str, bool]:
    """Load rows in quarantine once more, and build what is above them if some came in.

    Returns
    -------
    tuple of str and bool
        What became of the rows, and whether it was built and published.

    Raises
    ------
    RunError
        The replay or the build failed.
    """
    prepare_environment(settings)
    from orchestration.defs.raw.replay import FOLLOWED_TAG, replay_quarantine

    chosen = {"source": source or "", "reason": reason or ""}
    config = {"ops": {replay_quarantine.name: {"config": chosen}}}
    report = _execute("replay", config=config, tags={FOLLOWED_TAG: "true"})
    output = report.outputs[replay_quarantine.name]
    has_changed = bool(output["changed_days"].value)
    if has_changed:
        _execute("build")
    return str(output["summary"].value), has_changed


def rotate_key(settings: Settings) -> str:
    """Carry all pseudonyms over to the newest key, rebuild and publish, and remove the versions published before.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    KeyChangedError
        The warehouse was made with none of the earlier keys.
    RunError
        The rebuild failed; the pseudonyms are carried over by then.
    """
    prepare_environment(settings)
    from orchestration.defs.resources import writer_lock
    from orchestration.defs.serving.publication import prune
    from orchestration.sources.rotation import rotate

    if not settings.warehouse.exists():
        return "there is no warehouse yet: the next run uses the new key"
    with writer_lock(settings.warehouse.with_suffix(".lock"), "rotate-key", None, None):
        done = rotate(settings.warehouse, settings.pseudonym_key())
    if done is None:
        return "the warehouse is on this key already; nothing was changed"
    _execute("rebuild")
    prune(settings.serving_dir, keep=1)
    return (
        f"{done.pseudonyms} pseudonyms in {done.rows} rows carried over, everything built and published anew. "
        "Keep the old key in NETZPLAN_PSEUDONYM_KEYS_BEFORE: without it new rows of the same people would not join. "
        "Backups and copies from before still hold the old pseudonyms; remove them"
    )


def _execute(
    job_name: str, *, config: Mapping[str, Any] | None = None, tags: Mapping[str, str] | None = None
) -> RunReport:
    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.defs.console import step_name

    job = defs().resolve_job_def(job_name)
    started = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        # A job's own config is not used by a run in process: without this the log is every event in full.
        run_config = {"loggers": {"console": {"config": {}}}, **(config or {})}
        result = job.execute_in_process(
            run_config=run_config, instance=instance, tags={**job.tags, **(tags or {})}, raise_on_error=False
        )
    events = result.all_events
    report = RunReport(
        run_id=result.run_id,
        seconds=time.monotonic() - started,
        steps=tuple(
            (step_name(event), event.step_success_data.duration_ms / 1000) for event in events if event.is_step_success
        ),
        failed=tuple(step_name(event) for event in events if event.is_step_failure),
        outputs={
            event.step_key or "": event.step_output_data.metadata for event in events if event.is_successful_output
        },
    )
    if not result.success:
        steps = ", ".join(report.failed) or "before the first step"
        raise RunError(
            f"run {report.run_id} failed in {steps}; nothing new was published, the log is in the Dagster UI"
        )
    return report
