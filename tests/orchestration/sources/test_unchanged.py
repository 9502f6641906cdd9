"""What raw holds already is not loaded again, and what it holds says exactly when it changed."""

from datetime import date, timedelta

import pytest

from orchestration.sources import files
from orchestration.sources.errors import DeliveryError
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import NOW, ORDER_HEADER

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(5)]
LATER = NOW + timedelta(days=1)


def order(number, net="7", day=DAYS[0]):
    return f"{number};{day:%d.%m.%Y} 10:00:00;a;01067;{net};open\n"


def moments(desk, table="orders"):
    """When each delivery last changed, as the books and as the rows say it."""
    booked = desk.rows("""select "window", finished_at from raw.load_batches where problem is null order by all""")
    stored = desk.rows(f"select distinct _delivery_date::varchar, _loaded_at from raw.{table} order by all")
    assert set(stored) <= {(window.replace("snapshot", "1970-01-01"), moment) for window, moment in booked}
    return dict(booked)


@pytest.fixture
def parsed(monkeypatch):
    """Names of the files that were read, not only hashed."""
    names = []
    honest = files.read_deliveries

    def watched(deliveries, needed):
        names.extend(delivery.name for delivery in deliveries)
        return honest(deliveries, needed)

    monkeypatch.setattr(files, "read_deliveries", watched)
    return names


def test_the_same_file_is_not_read_again_but_reported(desk, orders, parsed):
    desk.feeds = {"erp": orders()}
    for day in DAYS[:3]:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + order(1, day=day) + order(2, "x"))
    first = desk.load("orders", *DAYS[:3])
    before = moments(desk)
    parsed.clear()
    desk.write(f"orders_{DAYS[1]:%Y%m%d}.csv", ORDER_HEADER + order(1, "8"))
    reports = desk.load("orders", *DAYS[:3], now=LATER)
    assert parsed == [f"orders_{DAYS[1]:%Y%m%d}.csv"]
    assert [report.is_unchanged for report in reports] == [True, False, True]
    assert reports[0].rows_loaded == first[0].rows_loaded == 1
    assert reports[0].rows_quarantined == 1
    after = moments(desk)
    assert [window for window in after if after[window] != before[window]] == [DAYS[1].isoformat()]
    assert desk.rows("select distinct checked_at::date from raw.load_batches") == [(LATER.date(),)]
    assert desk.one("select count(*) from raw.quarantine where replayed_at is null") == 2


@pytest.mark.parametrize(
    "change", [{"nulls": ["open"]}, {"timezone": "UTC"}, {"columns": {"status": {"const": "shipped"}}}]
)
def test_another_mapping_loads_the_same_file_again(desk, orders, change):
    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + order(1))
    desk.load("orders")
    columns = orders()["columns"] | change.get("columns", {})
    desk.feeds = {"erp": {**orders(), **change, "columns": columns}}
    [report] = desk.load("orders", now=LATER)
    assert not report.is_unchanged
    assert moments(desk) == {"2026-01-01": desk.one("select finished_at from raw.load_batches")}
    assert desk.one("select finished_at::date from raw.load_batches") == LATER.date()


def test_another_file_of_the_day_loads_the_whole_day(desk, orders):
    desk.feeds = {"erp": orders(path="orders_{day:%Y%m%d}*.csv")}
    desk.write("orders_20260101a.csv", ORDER_HEADER + order(1))
    desk.load("orders")
    desk.write("orders_20260101b.csv", ORDER_HEADER + order(1, "9"))
    reports = desk.load("orders", now=LATER)
    assert [(report.is_unchanged, report.rows_duplicate) for report in reports] == [(False, 1), (False, 0)]
    assert len(moments(desk)) == 1
    (desk.folder / "orders_20260101b.csv").unlink()
    desk.load("orders")
    assert desk.one("select net_amount::int from raw.orders") == 7


def test_a_day_that_was_broken_and_is_the_old_file_again_is_healed_without_loading(desk, orders):
    desk.feeds = {"erp": orders()}
    path = desk.write("orders_20260101.csv", ORDER_HEADER + order(1))
    desk.load("orders")
    before = moments(desk)
    whole = path.read_text()
    path.write_text(whole + "2;01.0")
    with pytest.raises(DeliveryError):
        desk.load("orders", now=LATER)
    assert desk.rows("select state from raw.load_batches order by 1") == [("loaded",), ("truncated",)]
    assert "breaks off" in desk.one("select problem from raw.load_batches where state = 'truncated'")
    path.write_text(whole)
    desk.load("orders", now=LATER)
    assert desk.rows("select state from raw.load_batches") == [("loaded",)]
    assert moments(desk) == before


def test_a_row_that_lay_in_the_future_is_looked_at_again(desk, orders):
    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + order(1) + order(2, day=LATER.date()))
    assert desk.load("orders")[0].rows_quarantined == 1
    assert desk.load("orders", now=NOW + timedelta(hours=1))[0].is_unchanged, "it still is the future"
    assert desk.load("orders", now=LATER)[0].rows_loaded == 2
    assert desk.rows("select outcome from raw.quarantine") == [("replayed",)]


def test_an_api_and_a_query_that_answer_the_same_change_nothing(desk, server):
    records = [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}]
    server.answer = lambda path, params, attempt: ok(records)
    columns = {"product_id": "id", "name": "name"}
    desk.feeds = {
        "api": {
            "entity": "products", "kind": "rest", "url": server.url, "paginator": {"type": "single_page"},
            "columns": columns,
        }
    }  # fmt: skip
    import sqlite3

    with sqlite3.connect(desk.folder / "shop.db") as shop:
        shop.execute("create table goods (id text, name text)")
        shop.execute("insert into goods values ('1', 'a')")
    desk.feeds["db"] = {
        "entity": "products", "kind": "sql", "url": f"sqlite:///{desk.folder / 'shop.db'}", "table": "goods",
        "columns": columns,
    }  # fmt: skip
    desk.load("products")
    before = moments(desk, "products")
    assert [report.is_unchanged for report in desk.load("products", now=LATER)] == [True, True]
    assert moments(desk, "products") == before
    with sqlite3.connect(desk.folder / "shop.db") as shop:
        shop.execute("update goods set name = 'c'")
    assert [report.is_unchanged for report in desk.load("products", now=LATER)] == [True, False]
    with sqlite3.connect(desk.folder / "shop.db") as shop:
        shop.execute("delete from goods")
    assert [report.is_unchanged for report in desk.load("products", now=LATER)] == [True, False]
    assert [report.is_unchanged for report in desk.load("products", now=LATER)] == [True, True], (
        "nothing is a content too"
    )
    assert desk.rows("select _source, count(*) from raw.products group by all") == [("api", 2)]


def test_the_look_back_reads_earlier_days_again(desk, orders, parsed):
    desk.feeds = {"erp": orders(lookback_days=2)}
    for day in DAYS:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + order(1, day=day))
        desk.load("orders", day)
    assert desk.one("select count(*) from raw.orders") == len(DAYS)
    for day in DAYS:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + order(1, "9", day=day))
    parsed.clear()
    reports = desk.load("orders", DAYS[4], now=LATER)
    assert [report.window for report in reports] == [day.isoformat() for day in DAYS[2:]]
    assert desk.rows("select net_amount::int from raw.orders order by _delivery_date") == [(7,), (7,), (9,), (9,), (9,)]
    parsed.clear()
    desk.load("orders", DAYS[4], now=LATER)
    assert parsed == []


def test_the_look_back_needs_no_day_that_is_gone_and_ends_at_the_first(desk, orders):
    desk.feeds = {"erp": orders(lookback_days=3)}
    for day in DAYS[:2]:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + order(1, day=day))
    desk.load("orders", DAYS[0])
    (desk.folder / f"orders_{DAYS[0]:%Y%m%d}.csv").unlink()
    assert [report.window for report in desk.load("orders", DAYS[1])] == [DAYS[1].isoformat()]
    with pytest.raises(DeliveryError):
        desk.load("orders", DAYS[2])
    desk.write(f"orders_{DAYS[3]:%Y%m%d}.csv", ORDER_HEADER + order(1, day=DAYS[3]))
    reports = desk.load("orders", DAYS[3])
    assert {report.window: report.state for report in reports} == {
        "2026-01-02": "loaded", "2026-01-03": "missing", "2026-01-04": "loaded",
    }, "what was red when it was asked for stays on the books, and today is not red for it"  # fmt: skip
    desk.write(f"orders_{DAYS[2]:%Y%m%d}.csv", ORDER_HEADER + order(1, day=DAYS[2]))
    desk.load("orders", DAYS[3])
    assert desk.one("select count(*) from raw.orders") == 4
    assert desk.one("select count(*) from raw.load_batches where problem is not null") == 0
