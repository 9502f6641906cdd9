"""Sessionising beside one sort of the same file, pandas and polars: `python -m benchmarks.sessions [events] [rounds]`.

The file holds the web events of `benchmarks.incremental` as they are delivered: all columns of the raw contract, day by
day, a fifth of them up to three days late. The sort writes all of its columns by visitor and time to a table. The other
three read what they need and keep one row per event: its id and its visit. For Netzplan that is the project's own SQL
(`int_web__session_buckets` as compiled, joined as in `int_web__events`); its visits have lasting ids (a hash of visitor
and start, 32 characters), those of pandas and polars are running numbers. pandas and polars sort the three columns and
cut where the visitor changes or the gap is too long.

Which events are together is compared, in the first round and outside the clock. Every call is a process of its own with
two threads, calls take turns, CPU seconds and peak memory are medians over the rounds.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.incremental import EVENTS_PER_VISIT, History
from benchmarks.processes import apart, peak_megabytes, reset_peak
from orchestration.defs.warehouse.dbt_build import run_dbt

TIMEOUT = 1800
MEMORY_LIMIT = "4GB"
#: Longer files have more days.
EVENTS_PER_DAY = 55_555

#: Visits by the events in them, whatever they are called.
_FOUND = """
with visits as (
    select visit, min(event_id) as first_event from found group by visit
)
select count(*) as events, count(distinct visit) as visits, bit_xor(hash(event_id, first_event)) as who_with_whom
from found inner join visits using (visit)
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


def _connect(folder: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(f"set threads = 2; set memory_limit = '{MEMORY_LIMIT}'; set timezone = 'UTC'")
    connection.execute("set preserve_insertion_order = false; set enable_progress_bar = false")
    connection.execute(f"set temp_directory = '{folder}'")
    return connection


def sort(connection: duckdb.DuckDBPyConnection, file: str, sql: str) -> None:
    """One sort of all columns."""
    connection.execute(f"create table sorted as from read_parquet('{file}') order by visitor_id, occurred_at, event_id")


def netzplan(connection: duckdb.DuckDBPyConnection, file: str, sql: str) -> None:
    """The project's visits, and every event's visit joined to it."""
    connection.execute("create schema staging; create schema intermediate")
    connection.execute(f"create view staging.stg_web__events as select *, 0 as days_late from read_parquet('{file}')")
    connection.execute("create table intermediate.int_web__bot_visitors (visitor_id varchar)")
    connection.execute(f"create table buckets as {sql}")
    micros = TIMEOUT * 1_000_000
    connection.execute(
        f"""
        create table found as
        select event_id, buckets.session_id as visit
        from (select event_id, visitor_id, epoch_us(occurred_at) - epoch_us(occurred_at) % {micros} as bucket_micros
              from staging.stg_web__events) as events
        inner join buckets using (visitor_id, bucket_micros)
        """
    )


def pandas(connection: duckdb.DuckDBPyConnection, file: str, sql: str) -> Any:
    """Sort, difference within the visitor, cumulative sum."""
    import pandas as pd

    events = pd.read_parquet(file, columns=["event_id", "visitor_id", "occurred_at"])
    events = events.sort_values(["visitor_id", "occurred_at"])
    gap = events.groupby("visitor_id", sort=False)["occurred_at"].diff()
    events["visit"] = (gap.isna() | (gap > pd.Timedelta(seconds=TIMEOUT))).cumsum()
    return events


def polars(connection: duckdb.DuckDBPyConnection, file: str, sql: str) -> Any:
    """The same, lazily; comparing neighbours takes polars half of the time of a window over visitors."""
    import polars as pl

    is_next = (pl.col("visitor_id") == pl.col("visitor_id").shift()).fill_null(False)
    is_late = pl.col("occurred_at").diff() > pl.duration(seconds=TIMEOUT)
    return (
        pl.scan_parquet(file)
        .select("event_id", "visitor_id", "occurred_at")
        .sort("visitor_id", "occurred_at")
        .with_columns((~is_next | is_late).cum_sum().alias("visit"))
        .collect()
    )


CALLS: tuple[Callable[[duckdb.DuckDBPyConnection, str, str], Any], ...] = (sort, netzplan, pandas, polars)


def measure(
    call: Callable[[duckdb.DuckDBPyConnection, str, str], Any], file: str, sql: str, compares: bool
) -> tuple[float, float, tuple[int, int, int] | None]:
    """CPU seconds, peak MB, and what was found."""
    os.environ["POLARS_MAX_THREADS"] = "2"
    connection = _connect(str(Path(file).parent))
    reset_peak()
    started = time.process_time()
    result = call(connection, file, sql)
    seconds, peak = time.process_time() - started, peak_megabytes()
    if call is sort or not compares:
        return seconds, peak, None
    if result is not None:
        connection.register("found", result.to_arrow() if call is polars else result)
    return seconds, peak, connection.execute(_FOUND).fetchall()[0]


def main() -> None:
    """Print one line per call."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    seconds: dict[str, list[float]] = {call.__name__: [] for call in CALLS}
    megabytes: dict[str, list[float]] = {call.__name__: [] for call in CALLS}
    found = set()
    with tempfile.TemporaryDirectory(prefix="netzplan-sessions-") as name:
        days = max(events // EVENTS_PER_DAY, 1)
        history = apart(History, Path(name), days, events // days // EVENTS_PER_VISIT)
        file = f"{name}/web_events.parquet"
        apart(history.export_events, file)
        history.path.unlink()
        sql = compiled_sql(Path(name))
        for number in range(rounds):
            for call in CALLS:
                taken, peak, visits = apart(measure, call, file, sql, number == 0)
                seconds[call.__name__].append(taken)
                megabytes[call.__name__].append(peak)
                found |= {visits} if visits else set()
    if len(found) != 1:
        raise RuntimeError(f"not the same visits: {found}")
    print("{:,} events, {:,} visits".format(*found.pop()))
    own = median(seconds["netzplan"])
    for call in seconds:
        taken = median(seconds[call])
        print(f"{call:10} {taken:7.2f} CPU s {median(megabytes[call]):7.0f} MB  {taken / own:5.2f} x ours")


if __name__ == "__main__":
    main()
