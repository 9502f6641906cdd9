"""A run that stops publishes nothing; this note beside what is published tells its readers why the figures are old."""

import json
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from orchestration.settings import Settings

FILE = "stopped.json"
_LONGEST = 2_000


@dg.failure_hook
def note_stopped(context: dg.HookContext) -> None:
    """Write down which step failed, and its message if it is one of ours: others may quote rows."""
    error = context.op_exception
    message = (error.description or "") if isinstance(error, dg.Failure) else ""
    write_note(Settings.from_environment().serving_dir, context.run_id, context.op.name.replace("__", "/", 1), message)


def write_note(serving_dir: Path, run_id: str, step: str, message: str) -> None:
    """Add a failed step to the note of a run; the note of an earlier run is replaced.

    Dashboards show it until something is published after it.
    """
    path = serving_dir / FILE
    steps: list[dict[str, str]] = []
    if path.exists():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        steps = earlier["steps"] if earlier["run_id"] == run_id else []
    steps.append({"step": step, "message": message[:_LONGEST]})
    note = {"run_id": run_id, "failed_at": datetime.now(UTC).isoformat(), "steps": steps}
    serving_dir.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(note, ensure_ascii=False), encoding="utf-8")
    part.replace(path)
