"""Loading a day against DuckDB reading the same files itself: `python -m benchmarks.ingest [rows] [rounds]`.

Every measurement is a process of its own, so that its CPU seconds and peak memory are its own. The bar is the
`CREATE TABLE AS` a user would write by hand: it checks nothing, hashes nobody and keeps no book, which is what the
factor pays for. Times are ratios of medians over interleaved rounds.
"""

from __future__ import annotations

import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

DAY = date(2026, 6, 1)
KEY = b"benchmark" * 4
FILES = 8

EVENTS = """
    select
        'e' || (i * 2654435761 % 1000000000039) as event_id,
        timestamptz '2026-06-01 00:00:00+02' + to_seconds(i * 86399 // $rows) as occurred_at,
        ['page_view', 'view_item', 'search', 'add_to_cart', 'scroll'][1 + h(i, 0) % 5] as event_name,
        'visitor-' || (h(i // 7, 0) % ($rows // 20)) as visitor_id,
        case when h(i, 1) % 10 = 0 then 'kunde' || (h(i // 7, 0) % 50000) || '@example.org' end as customer_key,
        'https://shop.example/' || ['damen', 'herren', 'garten', 'wasser'][1 + h(i, 2) % 4]
            || '/artikel-' || (h(i, 3) % 20000) || '?ref=' || (h(i, 4) % 1000) as page_url,
        ['product', 'list', 'search', 'home', 'basket'][1 + h(i, 0) % 5] as page_type,
        case when h(i, 5) % 4 = 0 then 'https://www.google.com/' end as referrer_url,
        case when h(i, 6) % 8 = 0 then 'newsletter' end as utm_source,
        case when h(i, 6) % 8 = 0 then 'email' end as utm_medium,
        ['desktop', 'mobile', 'tablet'][1 + h(i // 7, 0) % 3] as device_type,
        'DE' as country,
        'p' || (h(i, 3) % 20000) as product_id,
        ['Damenmode', 'Herrenmode', 'Garten', 'Getränke'][1 + h(i, 2) % 4] as category,
        case when h(i, 8) % 5 = 0 then round((h(i, 9) % 20000) / 100, 2) end as value,
        'EUR' as currency,
        (h(i, 10) % 300)::double / 10 as engaged_seconds,
        'human' as user_agent_class,
        h(i, 11) % 10 > 0 as consent_analytics
    from range($first, $after) as numbers (i)
"""
ORDERS = """
    select
        'A' || i as "Belegnr",
        strftime(timestamp '2026-06-01' + to_seconds(i * 86399 // $rows), '%d.%m.%Y %H:%M:%S') as "Datum",
        'Kunde ' || (h(i, 0) % 200000) as "Kunde",
        lpad((h(i, 1) % 99999)::varchar, 5, '0') as "PLZ",
        replace(format('{:,.2f}', (h(i, 2) % 300000) / 100), '.', '#') as "Netto",
        'Grün & Weiß, Größe ' || (h(i, 3) % 60) as "Gutschein",
        ['offen', 'versandt', 'storniert'][1 + h(i, 4) % 3] as "Status",
        'DE' as "Land"
    from range($first, $after) as numbers (i)
"""
_EVENT_COLUMNS = ", ".join(f"{name}: {name}" for name in re.findall(r"\bas (\w+),?\n", EVENTS))
SOURCES = {
    form: f"""
      entity: web_events
      kind: files
      path: 'events_{{day}}_*.{form}'
      columns: {{{_EVENT_COLUMNS}}}
"""
    for form in ("parquet", "jsonl")
} | {
    "csv": """
      entity: orders
      kind: files
      path: 'orders_{day}_*.csv'
      encoding: cp1252
      delimiter: ';'
      decimal: ','
      timestamp_format: '%d.%m.%Y %H:%M:%S'
      columns: {order_id: Belegnr, ordered_at: Datum, customer_key: Kunde, ship_postal_code: PLZ, net_amount: Netto,
                coupon_code: Gutschein, status: Status, ship_country: Land, currency: {const: EUR}}
""",
}
PLAIN = {
    "parquet": "create table plain as select * from read_parquet({files})",
    # Given the types, DuckDB need not look for them. Of cp1252 it reads the part that is Latin-1, as this data is.
    "jsonl": "create table plain as from read_json({files}, format = 'newline_delimited', columns = {columns})",
    "csv": """
        create table plain as
        select Belegnr, strptime(Datum, '%d.%m.%Y %H:%M:%S') as Datum, Kunde, PLZ,
            replace(replace(Netto, '.', ''), ',', '.')::decimal(18, 2) as Netto, Gutschein, Status, Land
        from read_csv({files}, delim = ';', header = true, all_varchar = true, encoding = 'latin-1')
    """,
}


def main(rows: int = 10_000_000, rounds: int = 3) -> None:
    """Write the files, measure both ways in turn, print the table."""
    with tempfile.TemporaryDirectory(prefix="netzplan-ingest-") as name:
        folder = Path(name)
        _write(folder, rows)
        print(f"{rows:,} rows in {FILES} files a format, medians of {rounds} rounds\n")
        print("| files | CREATE TABLE AS, CPU s | load_entity, CPU s | ratio | peak MB |\n|---|---:|---:|---:|---:|")
        for form in SOURCES:
            figures: dict[str, list[tuple[float, float]]] = {"plain": [], "load": []}
            for _ in range(rounds):
                for way, taken in figures.items():
                    taken.append(_measured(way, form, folder))
            plain, load = (statistics.median(seconds for seconds, _ in figures[way]) for way in figures)
            peak = max(megabytes for _, megabytes in figures["load"])
            print(f"| {form} | {plain:.1f} | {load:.1f} | {load / plain:.2f} | {peak:.0f} |", flush=True)


def _write(folder: Path, rows: int) -> None:
    connection = duckdb.connect()
    connection.execute("create macro h(value, salt) as (hash(value, salt) % 1000000007)::bigint")
    for number in range(FILES):
        part = {"rows": rows, "first": number * rows // FILES, "after": (number + 1) * rows // FILES}
        connection.execute(f"create or replace temp table events as {EVENTS}", part)
        for form, option in (("parquet", "format parquet"), ("jsonl", "format json")):
            connection.execute(f"copy events to '{folder}/events_{DAY}_{number}.{form}' ({option})")
        path = folder / f"orders_{DAY}_{number}.csv"
        connection.execute(f"create or replace temp table orders as {ORDERS}", part)
        connection.execute("update orders set Netto = replace(replace(Netto, ',', '.'), '#', ',')")
        connection.execute(f"copy orders to '{path}' (delimiter ';', header)")
        path.write_bytes(path.read_text(encoding="utf-8").encode("cp1252"))
    for form, feed in SOURCES.items():
        (folder / f"{form}.yaml").write_text(f"start: {DAY}\nfeeds:\n  shop: {feed}\n", encoding="utf-8")


def _measured(way: str, form: str, folder: Path) -> tuple[float, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.ingest", way, form, str(folder)], check=True, capture_output=True, text=True
    )
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


def _run(way: str, form: str, folder: Path) -> None:
    """One measurement, in a process of its own."""
    warehouse = folder / "warehouse.duckdb"
    for left in folder.glob("warehouse.duckdb*"):
        left.unlink()
    before = 0.0
    if way == "plain":
        with duckdb.connect(str(warehouse)) as connection:
            files = sorted(map(str, folder.glob(f"*_{DAY}_*.{form}")))
            query = PLAIN[form]
            if form == "jsonl":
                described = connection.execute(
                    f"describe select * from read_parquet('{folder}/events_{DAY}_0.parquet')"
                ).fetchall()
                query = query.replace("{columns}", "{" + ", ".join(f"{c[0]}: '{c[1]}'" for c in described) + "}")
            connection.execute(query.replace("{files}", str(files)))
    else:
        from orchestration.sources.config import load_config
        from orchestration.sources.load import load_entity

        config = load_config(folder / f"{form}.yaml")
        import dlt  # noqa: F401  its import is no part of the work

        before = _cpu_seconds()
        load_entity(
            config, config.feeds[0].entity, [DAY], warehouse=warehouse, key=KEY,
            timezone="Europe/Berlin", now=datetime(2026, 6, 2, tzinfo=UTC),
        )  # fmt: skip
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([_cpu_seconds() - before, megabytes]))


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in ("plain", "load"):
        _run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
