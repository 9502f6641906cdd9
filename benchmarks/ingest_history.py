"""Whether a day's load depends on what lies before it: `python -m benchmarks.ingest_history [rows per day]`.

The same day of web events is loaded on top of 30 and of 365 days, new and once more with another content (which first
deletes the day). What counts is the ratio of the medians; it should be near 1.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.sources.config import SourcesConfig, load_config
from orchestration.sources.load import create_raw_tables, load_entity

LAST = date(2026, 6, 30)
KEY = b"benchmark" * 4
ROUNDS = 5
_ROWS = 27_400
_EVENTS = """
    select
        'e' || i as event_id, 'page_view' as event_name,
        $day::timestamptz + to_seconds(i * 86000 // $rows) as occurred_at,
        'visitor-' || hash(i // 7) % 100000 as visitor_id, 'https://shop.example/p/' || hash(i) % 20000 as page_url,
        'product' as page_type, 'p' || hash(i) % 20000 as product_id, 'human' as user_agent_class
    from range($rows) as numbers (i)
"""


def main(rows: int = _ROWS) -> dict[str, float]:
    """Measure and print; return the ratios of 365 days to 30, new day and replaced day."""
    medians: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for days in (30, 365):
            folder = Path(name) / str(days)
            medians[days] = _measure(folder, days, rows)
            print(f"{days:4} days of {rows} rows: {_shown(medians[days])}", flush=True)
    ratios = {what: medians[365][what] / medians[30][what] for what in medians[30]}
    print("365 : 30 days          " + ", ".join(f"{what} {ratio:.2f}" for what, ratio in ratios.items()))
    return ratios


def _measure(folder: Path, days: int, rows: int) -> dict[str, float]:
    folder.mkdir()
    warehouse = folder / "warehouse.duckdb"
    _fill(warehouse, days, rows)
    config = _feed(folder)
    seconds: dict[str, list[float]] = {"new day": [], "replaced day": []}
    for number in range(ROUNDS):
        day = LAST + timedelta(days=number + 1)
        for what, shift in (("new day", 0), ("replaced day", 1)):
            _write(folder, day, rows - shift)
            started = time.process_time()
            load_entity(
                config, "web_events", [day], warehouse=warehouse, key=KEY, timezone="Europe/Berlin",
                now=datetime(2026, 12, 1, tzinfo=UTC),
            )  # fmt: skip
            seconds[what].append(time.process_time() - started)
    return {what: statistics.median(values) for what, values in seconds.items()}


def _fill(warehouse: Path, days: int, rows: int) -> None:
    """The history as loads leave it: day after day, with its books."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set timezone = 'UTC'")
        create_raw_tables(connection)
        for number in range(days, 0, -1):
            day = LAST - timedelta(days=number - 1)
            batch = f"web:{day}:events_{day}.jsonl:0"
            connection.execute(
                f"""
                insert into raw.web_events by name
                select
                    *, 'web' as _source, $day::date as _delivery_date, 1 as _row_number,
                    $day::timestamptz as _loaded_at, $batch as _batch_id
                from ({_EVENTS})
                """,
                {"day": day.isoformat(), "rows": rows, "batch": batch},
            )
            connection.execute(
                """
                insert into raw.load_batches by name
                select $batch as batch_id, 'web' as source, 'web_events' as entity, $day::timestamptz as finished_at,
                    $rows as rows_in, $rows as rows_loaded, 0 as rows_quarantined, 0 as rows_duplicate,
                    $day as "window", 'loaded' as state
                """,
                {"day": day.isoformat(), "rows": rows, "batch": batch},
            )


def _feed(folder: Path) -> SourcesConfig:
    names = ("event_id", "occurred_at", "event_name", "visitor_id", "page_url", "page_type", "product_id")
    feed = {
        "entity": "web_events", "kind": "files", "path": "events_{day:%Y%m%d}.parquet",
        "columns": {name: name for name in (*names, "user_agent_class")},
    }  # fmt: skip
    path = folder / "sources.yaml"
    path.write_text(json.dumps({"start": "2025-01-01", "feeds": {"web": feed}}))
    return load_config(path)


def _write(folder: Path, day: date, rows: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            f"copy ({_EVENTS}) to '{folder}/events_{day:%Y%m%d}.parquet'", {"day": day.isoformat(), "rows": rows}
        )


def _shown(seconds: dict[str, float]) -> str:
    return ", ".join(f"{what} {value:.2f} s of CPU" for what, value in seconds.items())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
