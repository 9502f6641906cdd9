"""The Customer Journey Index beside sessionising: `python -m benchmarks.cji [events] [days]`.

The shop of `benchmarks.incremental` is written straight into the raw tables, 180 days of it by default, and built in
full, part by part, each in a process of its own with two threads: what comes before, sessionising (from bots to
visits), and the index of all segments for the snapshot days that seed `cji_segment_kinds` asks for, with intervals. dbt
runs one model after the other, so that the CPU seconds between its start and its end are those of the model.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.incremental import EVENTS_PER_VISIT, History
from benchmarks.processes import apart, peak_megabytes, reset_peak

PARTS = {
    "before": ("+int_web__sessions,+fct_cji", "int_web__bot_days+"),
    "sessionising": ("int_web__bot_days+,+int_web__sessions", ""),
    "index": ("+fct_cji +fct_cji_phases", "+int_web__sessions"),
}
#: Which models of the parts are meant by the bar.
SESSIONISING, INDEX = ("int_web__",), ("int_cji__", "fct_cji")


def build(history: History, variables: dict[str, object], part: str) -> tuple[float, float, dict[str, float]]:
    """CPU seconds of the whole command, peak MB, and CPU seconds of each model."""
    select, exclude = PARTS[part]
    started: dict[str, float] = {}
    models: dict[str, float] = {}

    def clock(event: Any) -> None:
        now = time.process_time()
        if event.info.name == "NodeStart":
            started[event.data.node_info.node_name] = now
        elif event.info.name == "NodeFinished":
            name = event.data.node_info.node_name
            models[name] = now - started[name]

    options = ["--threads", "1", *(["--exclude", *exclude.split()] if exclude else [])]
    reset_peak()
    before = time.process_time()
    history.run_dbt("run", variables, select.split(), *options, callbacks=[clock])
    seconds = time.process_time() - before
    return seconds, peak_megabytes(), models


def main() -> None:
    """Print one line per part, the ratio, and the models that cost most."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 180
    models: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="netzplan-cji-") as name:
        history = History(Path(name), days, events // days // EVENTS_PER_VISIT)
        variables = history.begin(full=True)
        print(f"{history.events():,} events in {days} days", flush=True)
        for part in PARTS:
            seconds, peak, found = apart(build, history, variables, part)
            models |= found
            print(f"{part:12} {seconds:7.1f} CPU s, {sum(found.values()):7.1f} in models, {peak:6.0f} MB", flush=True)
        with duckdb.connect(str(history.path), read_only=True) as connection:
            rows = connection.execute(
                "select count(*), count(distinct snapshot_date), count(distinct segment), count(cji) from marts.fct_cji"
            ).fetchall()[0]
    print("{:,} rows of fct_cji: {} snapshot days, {} segments; {:,} with an index".format(*rows))
    sessions, index = (
        sum(seconds for model, seconds in models.items() if model.startswith(names)) for names in (SESSIONISING, INDEX)
    )
    print(f"sessionising {sessions:.1f} CPU s, index {index:.1f} CPU s: {index / sessions:.2f} times")
    for model, seconds in sorted(models.items(), key=lambda item: -item[1])[:20]:
        print(f"  {model:32} {seconds:7.2f}")


if __name__ == "__main__":
    main()
