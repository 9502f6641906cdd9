"""What one more day costs on short and long histories: `python -m benchmarks.incremental [visits per day] [days ...]`.

A shop is written straight into the raw tables: a fifth of the events come up to three days late, two thirds of the
visitors are new, the others came within the last 60 days, known customers order and get newsletters, and a visitor of
200 is a machine of even pace, whose past is taken out when it is found. For each length of
history the next day is loaded and built incrementally, then everything is rebuilt, and every table must be the same.

CPU seconds of the whole dbt command in this process; what dbt itself costs is measured on an empty warehouse and shown
beside. Rounds alternate between the histories.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.serving.publication import table_hashes
from orchestration.defs.warehouse import increments
from orchestration.defs.warehouse.dbt_build import run_dbt
from orchestration.defs.warehouse.manifest import load_json, project_fingerprint
from orchestration.sources.load import create_raw_tables

FIRST_DAY = date(2025, 1, 1)
#: A visit has 1 to 15 events, with equal chances.
EVENTS_PER_VISIT = 8
VARIABLES = {"timezone": "Europe/Berlin", "currency": "EUR"}
#: The chain from raw rows to journeys, credits and the map.
MODELS = [
    "+config.materialized:keyed",
    "config.materialized:summed",
    *("fct_sessions", "fct_touchpoints", "fct_journeys", "fct_conversions"),
    *("+fct_journey_nodes", "+fct_journey_edges"),
]

_VISITS = """
create or replace temp table visits as
with numbered as (
    select
        d.range as day, i.range as number, hash(d.range, i.range, 'visit') as h
    from range({first}, {last}) as d, range({visits}) as i
)
select
    day,
    number,
    h,
    case when h % 100 < 65 or day = 0 then day * {visits} + number
        else greatest(day - 1 - (h // 100) % 60, 0) * {visits} + (h // 7000) % {visits} end as visitor
from numbered
"""

_EVENTS = """
with steps as (
    select *, unnest(range(1 + (h % 15)::bigint)) as step from visits
), events as (
    select
        *,
        hash(day, number, step, 'event') as e,
        timestamptz '{start} 00:00:00+00' + to_days(day::integer)
            + to_seconds(
                (h // 13) % 80000 + step * (20 + (h // 17) % 300)
                + case when visitor % 200 <> 0 then hash(day, number, step, 'pause') % (20 + (h // 17) % 300) else 0 end
            ) as occurred_at
    from steps
)
select
    substr(md5(concat_ws('|', day, number, step)), 1, 20) as event_id,
    occurred_at,
    case when step = 0 then 'page_view' when e % 40 = 0 then 'purchase' when e % 9 = 0 then 'add_to_cart'
        when e % 3 = 0 then 'view_item' else 'page_view' end as event_name,
    substr(md5(visitor::varchar), 1, 20) as visitor_id,
    case when visitor % 5 = 0 and e % 4 = 0 then 'c' || hash(visitor) % {customers} end as customer_key,
    'https://shop.example/' || e % 500 as page_url,
    ['home', 'list', 'product', 'basket'][1 + (e % 4)::bigint] as page_type,
    case when step = 0 and h % 2 = 0 then ['google', 'newsletter', 'facebook'][1 + (h % 3)::bigint] end as utm_source,
    case when step = 0 and h % 2 = 0 then ['cpc', 'email', 'paid_social'][1 + (h % 3)::bigint] end as utm_medium,
    case when step = 0 and h % 2 = 0 then 'campaign ' || h % 8 end as utm_campaign,
    ['desktop', 'mobile', 'tablet'][1 + (h % 3)::bigint] as device_type,
    'DE' as country,
    'p' || e % 300 as product_id,
    true as consent_analytics,
    case when e % 40 = 0 and step > 0 then json_object('transaction_id', concat_ws('-', 'o', day, number)) end
        as properties,
    'shop_web_events' as _source,
    date '{start}' + day::integer + case when e % 5 = 0 then 1 + (e // 5) % 3 else 0 end::integer as _delivery_date,
    row_number() over () as _row_number,
    timestamptz '2026-06-01 05:00:00+00' as _loaded_at,
    'batch' as _batch_id
from events
"""

_ORDERS = """
select
    concat_ws('-', 'o', day, number) as order_id,
    timestamptz '{start} 23:30:00+00' + to_days(day::integer) as ordered_at,
    case when visitor % 5 = 0 then 'c' || hash(visitor) % {customers} end as customer_key,
    substr(md5(visitor::varchar), 1, 20) as visitor_id,
    'web' as sales_channel, 'completed' as status, 60 as gross_amount, 50 as net_amount, 'EUR' as currency,
    'shop_orders' as _source, date '{start}' + day::integer as _delivery_date, number as _row_number,
    timestamptz '2026-06-01 05:00:00+00' as _loaded_at, 'batch' as _batch_id
from visits where h % 31 = 0
"""

_CONTACTS = """
select
    concat_ws('-', 't', day, number) as touchpoint_id,
    timestamptz '{start} 08:00:00+00' + to_days(day::integer) as occurred_at,
    'newsletter_open' as touchpoint_type, 'c' || h % {customers} as customer_key,
    'shop_touchpoints' as _source, date '{start}' + day::integer as _delivery_date, number as _row_number,
    timestamptz '2026-06-01 05:00:00+00' as _loaded_at, 'batch' as _batch_id
from visits where h % 8 = 0
"""

_LINKS = """
select
    'email' as id_type, 'mail ' || (h // 3) % {customers} as id_value, 'c' || (h // 3 + h % 2) % {customers}
        as customer_key,
    timestamptz '{start} 08:00:00+00' + to_days(day::integer) as seen_at,
    'shop_identity_links' as _source, date '{start}' + day::integer as _delivery_date, number as _row_number,
    timestamptz '2026-06-01 05:00:00+00' as _loaded_at, 'batch' as _batch_id
from visits where h % 300 = 0
"""


_STATEMENTS = {"web_events": _EVENTS, "orders": _ORDERS, "touchpoints": _CONTACTS, "identity_links": _LINKS}


class History:
    """A warehouse with some days of history, and the day after it waiting to be loaded."""

    def __init__(self, folder: Path, days: int, visits: int) -> None:
        self.days, self.path = days, folder / f"{days} days" / "warehouse.duckdb"
        self.path.parent.mkdir()
        self._names = {"visits": visits, "customers": visits * 8, "start": FIRST_DAY}
        self._keyed = increments.keyed_models(load_json())
        self._builds = 0
        with duckdb.connect(str(self.path)) as connection:
            create_raw_tables(connection)
            create_ml_tables(connection)
            self._deliver(connection, 0, days)
        self.run_dbt("seed", {}, [])

    def add_day(self) -> None:
        with duckdb.connect(str(self.path)) as connection:
            self._deliver(connection, self.days, self.days + 1)
        self.days += 1

    def build(self, *, full: bool) -> float:
        """Build and return CPU seconds."""
        variables = self.begin(full=full)
        started = time.process_time()
        self.run_dbt("run", variables, MODELS)
        seconds = time.process_time() - started
        with duckdb.connect(str(self.path)) as connection:
            assert increments.finish(connection, str(self._builds), self._keyed)
        return seconds

    def begin(self, *, full: bool) -> dict[str, object]:
        """Begin a build and return its dbt variables."""
        self._builds += 1
        with duckdb.connect(str(self.path)) as connection:
            mode = increments.begin(
                connection,
                str(self._builds),
                fingerprint=increments.fingerprint_of(project_fingerprint(), VARIABLES),
                models=self._keyed,
                full=full,
            )
            assert mode.is_partial != full, mode.reason
        last = FIRST_DAY + timedelta(days=max(self.days - 1, 0))
        return {"incremental": mode.is_partial, "build_id": str(self._builds), "as_of_date": last.isoformat()}

    def hashes(self) -> dict[str, str]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return table_hashes(connection, ("staging", "intermediate", "marts"))

    def events(self) -> int:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return int(connection.execute("select count(*) from raw.web_events").fetchall()[0][0])

    def export_events(self, file: str) -> None:
        """Write the raw web events, in the order of their delivery, to a Parquet file."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            connection.execute(f"set enable_progress_bar = false; copy raw.web_events to '{file}' (format parquet)")

    def _deliver(self, connection: duckdb.DuckDBPyConnection, first: int, last: int) -> None:
        """Write the deliveries of some days, the last one excluded: their own visits and what was late before."""
        connection.execute("set timezone = 'UTC'")
        names = {**self._names, "first": max(first - 3, 0), "last": last}
        days = [FIRST_DAY + timedelta(days=first), FIRST_DAY + timedelta(days=last)]
        connection.execute(_VISITS.format(**names))
        for entity, statement in _STATEMENTS.items():
            rows = f"select * from ({statement.format(**names)}) where _delivery_date >= ? and _delivery_date < ?"
            connection.execute(f"insert into raw.{entity} by name {rows} order by _delivery_date", days)
            connection.execute(
                f"""
                insert into raw.load_batches by name
                select
                    _source || ':' || _delivery_date as batch_id, _source as source, '{entity}' as entity,
                    any_value(_loaded_at) as started_at, any_value(_loaded_at) as finished_at, count(*) as rows_in,
                    count(*) as rows_loaded, 0 as rows_quarantined, 0 as rows_duplicate,
                    _delivery_date::varchar as "window", 'loaded' as state
                from raw.{entity} where _delivery_date >= ? and _delivery_date < ? group by _source, _delivery_date
                """,
                days,
            )

    def run_dbt(
        self,
        command: str,
        variables: Mapping[str, object],
        select: Sequence[str],
        *options: str,
        callbacks: Sequence[Callable[[Any], None]] = (),
    ) -> None:
        out = self.path.parent / "dbt"
        arguments = [command, *(["--select", *select] if select else []), *options]
        arguments += ["--vars", json.dumps({**VARIABLES, **variables}), "--target-path", str(out)]
        result = run_dbt(arguments, out, str(self.path), callbacks)
        wrong = [f"{r.node.name}: {r.message}" for r in result.result or [] if str(r.status) == "error"]
        if not result.success:
            raise RuntimeError(wrong or result.exception)


def main() -> None:
    """Print one line per history."""
    visits = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    lengths = [int(argument) for argument in sys.argv[2:]] or [30, 180, 365]
    with tempfile.TemporaryDirectory(prefix="netzplan-incremental-") as name:
        empty = History(Path(name), 0, visits)
        empty.build(full=True)
        empty.build(full=False)
        fixed_full, fixed = empty.build(full=True), empty.build(full=False)
        print(f"dbt itself, on an empty warehouse: rebuild {fixed_full:.1f} s, incremental {fixed:.1f} s", flush=True)
        for length in lengths:
            history = History(Path(name), length, visits)
            history.build(full=True)
            days = []
            for _ in range(3):
                history.add_day()
                days.append(history.build(full=False))
            found = history.hashes()
            rebuild = history.build(full=True)
            expected = history.hashes()
            different = sorted(table for table in expected if found.get(table) != expected[table])
            day = sorted(days)[1]
            print(
                f"{length:4} days, {history.events():>10,} events: "
                f"one more day {day:.1f} s ({day - fixed:.2f} s of work), "
                f"rebuild {rebuild:.1f} s ({rebuild - fixed_full:.2f} s), "
                f"{(rebuild - fixed_full) / (day - fixed):.0f} times; differing tables: {different or 'none'}",
                flush=True,
            )


if __name__ == "__main__":
    main()
