"""A run's progress as one line per step, instead of every event in full. The UI keeps the full log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.log_manager import get_log_record_metadata, has_log_record_metadata

if TYPE_CHECKING:
    from dagster import DagsterEvent


class StepLines(logging.Formatter):
    """Steps that ended, with their seconds; warnings and errors in full."""

    def format(self, record: logging.LogRecord) -> str:
        event = _event(record)
        if event is None:
            metadata = get_log_record_metadata(record) if has_log_record_metadata(record) else None
            return f"  {record.levelname.lower()}: {metadata['orig_message'] if metadata else record.getMessage()}"
        if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
            return f"  {event.step_success_data.duration_ms / 1000:7.1f} s  {step_name(event)}"
        error = event.event_specific_data.error  # type: ignore[union-attr]
        causes = [error.message.strip()] if error else []
        while error is not None and error.cause is not None:
            error = error.cause
            causes.append(error.message.strip())
        return f"   failed    {step_name(event)}\n" + "\n".join(f"             {cause}" for cause in causes)


class StepFilter(logging.Filter):
    """Let pass what `StepLines` knows to tell."""

    def filter(self, record: logging.LogRecord) -> bool:
        event = _event(record)
        if event is None:
            # What waited for a failed step is told by that step.
            return record.levelno >= logging.WARNING and not record.getMessage().startswith("Dependencies for step")
        return event.event_type in {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}


def step_name(event: DagsterEvent) -> str:
    """Name a step as its asset: op names cannot hold the slash."""
    return (event.step_key or "").replace("__", "/", 1)


def _event(record: logging.LogRecord) -> DagsterEvent | None:
    return get_log_record_metadata(record)["dagster_event"] if has_log_record_metadata(record) else None


@dg.logger
def step_lines(_: dg.InitLoggerContext) -> logging.Logger:
    """One line per step."""
    logger = logging.Logger("netzplan", logging.DEBUG)
    handler = logging.StreamHandler()
    handler.addFilter(StepFilter())
    handler.setFormatter(StepLines())
    logger.addHandler(handler)
    return logger


@dg.definitions
def defs() -> dg.Definitions:
    return dg.Definitions(loggers={"console": step_lines})
