"""Rows in quarantine once more, after a fix. What is above them is built by the job that follows (automation.py)."""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pyarrow as pa

from orchestration.defs.partitions import SETTINGS, SOURCES
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse
from orchestration.sources.replay import ReplayReport, replay


class Chosen(dg.Config):
    """Which rows to try.

    Attributes
    ----------
    source : str
        Only this feed; empty for all.
    reason : str
        Only deliveries with rows of this reason code; empty for all.
    """

    source: str = ""
    reason: str = ""


@dg.op(pool="warehouse", out=dg.Out(dg.Nothing))
def replay_quarantine(context: dg.OpExecutionContext, config: Chosen, warehouse: Warehouse) -> Iterator[dg.Output]:
    """Try every delivery that has rejected rows again, and say what became of them."""
    reports = replay(
        SOURCES,
        warehouse=Path(warehouse.path),
        key=SETTINGS.pseudonym_key(),
        timezone=SETTINGS.timezone,
        now=datetime.now(UTC),
        source=config.source or None,
        reason=config.reason or None,
    )
    for report in reports:
        # So that the history of the table shows why its days changed.
        for window in report.windows:
            context.log_event(
                dg.AssetMaterialization(
                    ["raw", report.entity],
                    description=f"replayed from quarantine: {report.source}",
                    partition=None if window == "snapshot" else window,
                )
            )
    shown = [
        {**asdict(report), "windows": len(report.windows), "problems": " ".join(report.problems)} for report in reports
    ]
    yield dg.Output(
        None,
        metadata={
            "replayed": sum(report.replayed for report in reports),
            "still_rejected": sum(report.rejected for report in reports),
            "out_of_reach": sum(report.out_of_reach for report in reports),
            "changed_days": sum(len(report.windows) for report in reports),
            "summary": "\n".join(map(summary, reports)) or "nothing waits in quarantine",
            **({"feeds": preview(pa.Table.from_pylist(shown))} if shown else {}),
        },
    )


def summary(report: ReplayReport) -> str:
    """One feed in one line, with the problems below it."""
    line = (
        f"{report.source} ({report.entity}): {report.waiting} rows waited, {report.replayed} came in, "
        f"{report.rejected} are still rejected, {report.out_of_reach} could not be tried"
    )
    return "\n  ".join([line, *report.problems])


@dg.job(
    name="replay",
    description="Load rows in quarantine once more after the mapping, the settings or the delivery was mended. "
    "When it has succeeded, the job build follows by itself.",
    executor_def=dg.in_process_executor,
    config={"loggers": {"console": {"config": {}}}},
    tags={"dagster/max_runtime": "14400"},
)
def replay_job() -> None:
    replay_quarantine()


#: Set by the command line, which builds in its own process.
FOLLOWED_TAG = "netzplan/followed"


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(jobs=[replay_job])
