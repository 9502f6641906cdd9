"""A run of the daily job in this process: the same job, history and locks as when the schedule starts it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

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
    """

    run_id: str
    seconds: float
    steps: tuple[tuple[str, float], ...]
    failed: tuple[str, ...]


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
    return _run("daily", tags)


def rebuild(settings: Settings) -> RunReport:
    """Build, fit and publish everything anew from the raw rows that are there.

    Raises
    ------
    RunError
        If the run failed.
    """
    prepare_environment(settings)
    return _run("rebuild", {})


def _run(job_name: str, tags: Mapping[str, str]) -> RunReport:
    import dagster as dg

    from orchestration.definitions import defs
    from orchestration.defs.console import step_name

    job = defs().resolve_job_def(job_name)
    started = time.monotonic()
    with dg.DagsterInstance.get() as instance:
        # A job's own config is not used by a run in process: without this the log is every event in full.
        result = job.execute_in_process(
            run_config={"loggers": {"console": {"config": {}}}},
            instance=instance,
            tags={**job.tags, **tags},
            raise_on_error=False,
        )
    events = result.all_events
    report = RunReport(
        run_id=result.run_id,
        seconds=time.monotonic() - started,
        steps=tuple(
            (step_name(event), event.step_success_data.duration_ms / 1000) for event in events if event.is_step_success
        ),
        failed=tuple(step_name(event) for event in events if event.is_step_failure),
    )
    if not result.success:
        steps = ", ".join(report.failed) or "before the first step"
        raise RunError(
            f"run {report.run_id} failed in {steps}; nothing new was published, the log is in the Dagster UI"
        )
    return report
