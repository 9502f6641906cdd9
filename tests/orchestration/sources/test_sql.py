from datetime import date

import pytest
import sqlalchemy

from orchestration.sources.errors import DeliveryError

DAYS = [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 4)]
COLUMNS = {
    "order_id": "id", "ordered_at": "at", "customer_key": "mail", "net_amount": "net", "currency": {"const": "EUR"},
    "status": "state",
}  # fmt: skip


@pytest.fixture
def shop(desk):
    url = f"sqlite:///{desk.folder / 'shop.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("create table orders (id integer, at text, mail text, net, state text)")
        connection.exec_driver_sql(
            "insert into orders values "
            "(1, '2026-01-01 10:00:00', 'a@b.de', 10.5, 'open'), (2, '2026-01-01 23:59:59', 'A@B.de', '7.25', 'open'), "
            "(3, '2026-01-02 00:00:00', null, 'x', 'open'), (4, '2026-01-03 10:00:00', null, 1, 'open'), "
            "(5, '2026-01-04 10:00:00', null, 1, 'open')"
        )
    desk.feeds = {"shop": {"entity": "orders", "kind": "sql", "url": url, "columns": COLUMNS}}
    yield desk
    engine.dispose()


@pytest.mark.parametrize("source", [{"table": "orders"}, {"query": "select * from orders where id > 0"}])
def test_days_are_read_in_stretches_and_kept_apart(shop, source):
    shop.feeds["shop"] |= {**source, "day_column": "at"}
    reports = shop.load("orders", *DAYS)
    assert [(r.window, r.rows_in, r.rows_loaded) for r in reports] == [
        ("2026-01-01", 2, 2), ("2026-01-02", 1, 0), ("2026-01-04", 1, 1),
    ]  # fmt: skip
    assert shop.rows("select order_id, net_amount::double, _delivery_date::varchar from raw.orders order by 1") == [
        ("1", 10.5, "2026-01-01"), ("2", 7.25, "2026-01-01"), ("5", 1.0, "2026-01-04"),
    ]  # fmt: skip
    assert shop.one("select count(distinct customer_key) from raw.orders where customer_key is not null") == 1
    assert shop.one("select reason_code from raw.quarantine") == "bad_number"


def test_without_a_day_column_it_is_a_snapshot(shop):
    shop.feeds["shop"]["table"] = "orders"
    [report] = shop.load("orders", *DAYS)
    assert (report.window, report.rows_in) == ("snapshot", 5)


def test_a_day_without_rows_is_empty(shop):
    shop.feeds["shop"] |= {"table": "orders", "day_column": "at"}
    assert [report.state for report in shop.load("orders", date(2025, 12, 31), DAYS[0])] == ["empty", "loaded"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table": "no_such_table"}, "no such table"),
        ({"table": "orders", "columns": {**COLUMNS, "store_id": "store"}}, "no column 'store'"),
        ({"table": "orders", "url": "nosuchdb://u:s3cret@host/db"}, "check url"),
        ({"table": "orders", "url": "sqlite:////nowhere/at/all.db"}, "unable to open"),
    ],
)
def test_what_cannot_be_read_is_red_and_named(shop, change, words):
    shop.feeds["shop"] |= {**change, "day_column": "at"}
    with pytest.raises(DeliveryError, match=words) as caught:
        shop.load("orders", *DAYS[:1])
    assert "s3cret" not in str(caught.value)


def test_odd_values_are_judged_by_the_mapping_not_by_the_driver(shop):
    query = """
        select 1 as id, '2026-01-01 10:00:00' as at, 'a' as mail, 9e400 as net, 'open' as state
        union all select 2, '2026-01-01 10:00:00', x'ff00', 12.5, 'open'
        union all select 3, '2026-01-01 10:00:00', 7, '1e2', 'it''s :open; 100 %';
    """
    shop.feeds["shop"] |= {"query": query}
    [report] = shop.load("orders", *DAYS[:1])
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (3, 2, 1)
    assert shop.rows("select order_id, net_amount::varchar, status from raw.orders order by 1") == [
        ("2", "12.50", "open"), ("3", "100.00", "it's :open; 100 %"),
    ]  # fmt: skip
