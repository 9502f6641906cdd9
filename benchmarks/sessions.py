"""Sessionising beside one sort of the same file, pandas and polars: `python -m benchmarks.sessions [events] [rounds]`.

The SQL is the project's own (`int_web__session_buckets` and the numbering of `int_web__events`), read from the compiled
project and run over a generated Parquet file in random order; the sort orders all its columns by visitor and time. All
four find the same visits, which is checked. Every call is a process of its own with two threads, calls take turns, CPU
seconds and peak memory are medians over the rounds.
"""

from __future__ import annotations

import multiprocessing
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

import duckdb

from orchestration.defs.warehouse.dbt_build import run_dbt

TIMEOUT = 1800
MEMORY_LIMIT = "4GB"

_EVENTS = """
copy (
    with visits as (
        select
            range as number,
            hash(range) as h,
            hash(range, 'start') % 31000000 as start,
            case when hash(range, 'known') % 100 < 65 then range else hash(range, 'old') % ({events} // 8) end
                as visitor
        from range({events} // 8)
    ), events as (
        select *, (start + step * (20 + (h // 17) % 300))::bigint as after
        from (select *, unnest(range(1 + (h % 15)::bigint)) as step from visits)
    )
    select
        md5(concat_ws('|', number, step))[:20] as event_id,
        timestamptz '2025-01-01 00:00:00+00' + to_seconds(after) as occurred_at,
        (timestamptz '2025-01-01 00:00:00+00' + to_seconds(after))::date as event_date,
        ['page_view', 'view_item', 'add_to_cart'][1 + (h % 3)::bigint] as event_name,
        md5(visitor::varchar)[:20] as visitor_id,
        'p' || (h + step) % 300 as product_id,
        'https://shop.example/' || (h + step) % 500 as page_url,
        ['home', 'list', 'product'][1 + (h % 3)::bigint] as page_type,
        ['desktop', 'mobile', 'tablet'][1 + (h % 3)::bigint] as device_type,
        true as consent_analytics,
        0 as days_late
    from events
    order by hash(number, step)
) to '{file}' (format parquet, row_group_size 122880)
"""


def compiled_sql(folder: Path) -> str:
    """Return the project's SQL that gives every event its visit, over a view `stg_web__events`."""
    result = run_dbt(
        ["compile", "--select", "int_web__session_buckets", "--no-populate-cache", "--target-path", str(folder)],
        folder,
        ":memory:",
    )
    if not result.success:
        raise RuntimeError(result.exception or result.result)
    (sql,) = [r.node.compiled_code for r in result.result if r.node.name == "int_web__session_buckets"]
    # Whatever database it was compiled for: there is only this one.
    return re.sub(r'"\w+"\."(staging|intermediate)"', r'"\1"', str(sql))


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"set threads = 2; set memory_limit = '{MEMORY_LIMIT}'; set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
    return connection


def sort(file: str, sql: str) -> int:
    """One sort of all columns."""
    connection = _connect()
    connection.execute(f"create table sorted as from read_parquet('{file}') order by visitor_id, occurred_at, event_id")
    return 0


def netzplan(file: str, sql: str) -> int:
    """The project's visits, and every event's visit joined to it."""
    connection = _connect()
    connection.execute("create schema staging; create schema intermediate")
    connection.execute(f"create view staging.stg_web__events as from read_parquet('{file}')")
    connection.execute("create table intermediate.int_web__bot_visitors (visitor_id varchar)")
    connection.execute(f"create table buckets as {sql}")
    micros = TIMEOUT * 1_000_000
    connection.execute(
        f"""
        create table events as
        select event_id, session_id
        from (select *, epoch_us(occurred_at) - epoch_us(occurred_at) % {micros} as bucket_micros
              from staging.stg_web__events) as events
        inner join buckets using (visitor_id, bucket_micros)
        """
    )
    return int(connection.execute("select count(distinct session_id) from buckets").fetchall()[0][0])


def pandas(file: str, sql: str) -> int:
    """Sort, difference within the visitor, cumulative sum."""
    import pandas as pd

    events = pd.read_parquet(file, columns=["event_id", "visitor_id", "occurred_at"])
    events = events.sort_values(["visitor_id", "occurred_at"])
    gap = events.groupby("visitor_id", sort=False)["occurred_at"].diff()
    events["session"] = (gap.isna() | (gap > pd.Timedelta(seconds=TIMEOUT))).cumsum()
    return int(events["session"].max())


def polars(file: str, sql: str) -> int:
    """The same, lazily."""
    import polars as pl

    gap = pl.col("occurred_at").diff().over("visitor_id")
    events = (
        pl.scan_parquet(file)
        .select("event_id", "visitor_id", "occurred_at")
        .sort("visitor_id", "occurred_at")
        .with_columns((gap.is_null() | (gap > pl.duration(seconds=TIMEOUT))).cum_sum().alias("session"))
        .collect()
    )
    return int(events["session"].max())


CALLS: tuple[Callable[[str, str], int], ...] = (sort, netzplan, pandas, polars)


def measure(call: Callable[[str, str], int], file: str, sql: str) -> tuple[float, float, int]:
    """CPU seconds, peak MB above the start, visits."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    visits = call(file, sql)
    seconds = time.process_time() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, visits


def main() -> None:
    """Print one line per call."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="netzplan-sessions-") as name:
        file = f"{name}/events.parquet"
        duckdb.execute(_EVENTS.format(events=events, file=file))
        sql = compiled_sql(Path(name))
        found: dict[str, list[tuple[float, float, int]]] = {}
        for _ in range(rounds):
            for call in CALLS:
                with ProcessPoolExecutor(1, mp_context=context) as pool:
                    found.setdefault(call.__name__, []).append(pool.submit(measure, call, file, sql).result())
    visits = {result[2] for name, results in found.items() if name != "sort" for result in results}
    if len(visits) != 1:
        raise RuntimeError(f"not the same visits: {visits}")
    own = median(result[0] for result in found["netzplan"])
    print(f"{events:,} events asked for, {visits.pop():,} visits")
    for name, results in found.items():
        seconds = median(result[0] for result in results)
        print(f"{name:10} {seconds:7.2f} CPU s {median(r[1] for r in results):7.0f} MB  {seconds / own:5.2f} x ours")


if __name__ == "__main__":
    main()
