"""The whole rebuild beside one sort of its events: `python -m benchmarks.rebuild [events] [days] [memory limit ...]`.

The shop of `benchmarks.incremental` is written straight into the raw tables, and everything up to attribution is built
from nothing by the project's own models: the latest version of every event (staging), who it was (identity), visits,
contacts, journeys and their paths, rule models, and the Markov chain of every window. The sort reads the same web
events from a Parquet file and writes all their columns by visitor and time. For each memory limit (4 GB and 2 GB by
default) both run in processes of their own, with two threads.

dbt runs one model after the other, so that CPU seconds and peak memory between a model's start and its end are its own;
what dbt needs beside (about 4 s) is left out.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.incremental import EVENTS_PER_VISIT, History
from benchmarks.processes import apart, peak_megabytes, reset_peak
from ml.attribution import markov_credit
from orchestration.settings import DBT_PROJECT_DIR

MODELS = [
    *("+fct_sessions", "+fct_touchpoints", "+fct_journeys", "+fct_conversions"),
    *("+int_attribution__cells", "+int_attribution__settings"),
]
#: Parts by the names of their models; the last one takes the rest.
PARTS = {
    "latest versions": "stg_",
    "identity": "int_identity__",
    "visits": "int_web__|fct_sessions",
    "journeys and paths": "int_journeys__|fct_touchpoints|fct_journeys",
    "rule models": "int_attribution__",
    "orders and the rest": "",
}
QUERIES = DBT_PROJECT_DIR.parent / "orchestration" / "defs" / "ml"


def sort(file: str, limit: str) -> tuple[float, float]:
    """CPU seconds and peak MB of one sort of all columns into a table."""
    with tempfile.TemporaryDirectory(prefix="netzplan-sort-") as folder:
        connection = duckdb.connect(f"{folder}/sorted.duckdb")
        connection.execute(f"set threads = 2; set memory_limit = '{limit}'; set preserve_insertion_order = false")
        connection.execute("set enable_progress_bar = false")
        reset_peak()
        started = time.process_time()
        connection.execute(
            f"create table sorted as from read_parquet('{file}') order by visitor_id, occurred_at, event_id"
        )
        connection.close()
        return time.process_time() - started, peak_megabytes()


def build(history: History, variables: dict[str, object], limit: str) -> dict[str, tuple[float, float]]:
    """CPU seconds and peak MB of every model."""
    os.environ["NETZPLAN_MEMORY_LIMIT"] = limit
    started: dict[str, float] = {}
    models: dict[str, tuple[float, float]] = {}

    def clock(event: Any) -> None:
        if event.info.name == "NodeStart":
            reset_peak()
            started[event.data.node_info.node_name] = time.process_time()
        elif event.info.name == "NodeFinished":
            name = event.data.node_info.node_name
            models[name] = time.process_time() - started[name], peak_megabytes()

    history.run_dbt("run", variables, MODELS, "--threads", "1", callbacks=[clock])
    return models


def markov(warehouse: str, limit: str) -> tuple[float, float]:
    """CPU seconds and peak MB of the chain with its intervals, for all windows, by channel."""
    reset_peak()
    started = time.process_time()
    with duckdb.connect(warehouse, read_only=True, config={"threads": 2, "memory_limit": limit}) as connection:
        for window, first_day, last_day in connection.sql((QUERIES / "windows.sql").read_text()).fetchall():
            names = {"level": "channel", "separator": "", "first_day": first_day, "last_day": last_day}
            paths = connection.execute((QUERIES / "journey_paths.sql").read_text(), names).to_arrow_table()
            credits = markov_credit(paths)
            print(f"  {window}: {paths.num_rows:,} paths x bucket, {credits.conversions.sum():,.0f} conversions")
    return time.process_time() - started, peak_megabytes()


def rebuild(history: History, variables: dict[str, object], limit: str) -> dict[str, tuple[float, float]]:
    """CPU seconds and peak MB of every part; prints the models that cost most."""
    models = apart(build, history, variables, limit)
    seconds: Counter[str] = Counter()
    peaks: dict[str, float] = {}
    for model, (taken, peak) in models.items():
        part = next(part for part, names in PARTS.items() if re.match(names, model))
        seconds[part] += taken
        peaks[part] = max(peaks.get(part, 0), peak)
    for model, (taken, peak) in sorted(models.items(), key=lambda item: -item[1][0])[:12]:
        print(f"  {model:32} {taken:7.1f} CPU s, {peak:6.0f} MB")
    return {part: (seconds[part], peaks[part]) for part in PARTS} | {"markov": apart(markov, str(history.path), limit)}


def main() -> None:
    """Print one line per part and memory limit, and the ratios."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 180
    totals: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="netzplan-rebuild-") as name:
        history = apart(History, Path(name), days, events // days // EVENTS_PER_VISIT)
        file = f"{name}/web_events.parquet"
        apart(history.export_events, file)
        print(f"{history.events():,} events in {days} days", flush=True)
        for limit in sys.argv[3:] or ["4GB", "2GB"]:
            variables = history.begin(full=True)
            sorting, sorting_peak = apart(sort, file, limit)
            print(f"{limit}: sort {sorting:.1f} CPU s, {sorting_peak:.0f} MB", flush=True)
            parts = rebuild(history, variables, limit)
            for part, (seconds, peak) in parts.items():
                print(f"{limit}: {part:20} {seconds:7.1f} CPU s, {peak:6.0f} MB")
            totals[limit] = sum(seconds for seconds, _ in parts.values())
            print(f"{limit}: {totals[limit]:.1f} CPU s in all, {totals[limit] / sorting:.2f} x the sort", flush=True)
    first, *others = totals
    for limit in others:
        print(f"{limit} costs {totals[limit] / totals[first]:.2f} times {first}")


if __name__ == "__main__":
    main()
