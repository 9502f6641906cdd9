"""What was rejected comes in after a fix, exactly once, and what cannot is said."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.sources.pseudonyms import pseudonym
from orchestration.sources.replay import replay
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import KEY, NOW, ORDER_HEADER, Desk
from tests.orchestration.sources.test_load import DAYS, PLANTED, torture

ANSWERS = {"net_amount": {"sql": "replace(\"Netto\", 'EUR', '')"}}


def again(desk, *, now=NOW + timedelta(days=1), **chosen):
    return replay(
        desk.config(), warehouse=desk.warehouse, key=KEY, timezone="Europe/Berlin", now=now, **chosen
    )  # fmt: skip


def mended(orders, **other):
    feed = orders(**other)
    return {**feed, "columns": {**feed["columns"], **ANSWERS}}


def balance(desk):
    """Every row is where the books say."""
    wrong = desk.rows(
        """
        select b.batch_id from raw.load_batches as b
        where rows_in != rows_loaded + rows_quarantined + rows_duplicate
            or rows_loaded != (select count(*) from raw.orders as o where o._batch_id = b.batch_id)
            or rows_quarantined != (
                select count(*) from raw.quarantine as q where q.batch_id = b.batch_id and replayed_at is null)
        """
    )
    assert wrong == []


def day_of(*lines):
    return ORDER_HEADER + "".join(f"{line}\n" for line in lines)


GOOD = "1;01.01.2026 10:00:00;anna@x.example;01067;7,00;open"
BAD = "2;01.01.2026 11:00:00;ben@x.example;01067;8,00EUR;open"


@pytest.mark.parametrize("is_file_there", [True, False])
def test_rows_come_in_after_the_mapping_is_mended(desk, orders, is_file_there):
    desk.feeds = {"erp": orders()}
    path = desk.write("orders_20260101.csv", day_of(GOOD, BAD))
    desk.load("orders")
    if not is_file_there:
        path.unlink()
    [report] = again(desk)
    assert (report.waiting, report.replayed, report.rejected, report.out_of_reach) == (1, 0, 1, 0)
    assert report.windows == (), "nothing has changed"
    desk.feeds = {"erp": mended(orders)}
    [report] = again(desk)
    assert (report.waiting, report.replayed, report.rejected, report.out_of_reach) == (1, 1, 0, 0)
    assert report.windows == ("2026-01-01",)
    assert desk.rows("select order_id, net_amount::int, customer_key, _row_number from raw.orders order by 1") == [
        ("1", 7, pseudonym("anna@x.example", KEY), 1), ("2", 8, pseudonym("ben@x.example", KEY), 2),
    ]  # fmt: skip
    assert desk.rows("select replayed_at::date, outcome, first_seen_at::date from raw.quarantine") == [
        ((NOW + timedelta(days=1)).date(), "replayed", NOW.date())
    ]
    balance(desk)
    assert again(desk) == []
    assert desk.one("select count(*) from raw.orders") == 2


def test_masked_and_malformed_rows_come_in_from_the_file(desk, orders):
    desk.feeds = {"erp": orders()}
    path = desk.write(
        "orders_20260101.csv",
        day_of(
            GOOD,
            "2;01.01.2026 11:00:00;ben@x.example;01067;8,00;open;ben@x.example",
            '3;01.01.2026 11:00:00;c;1;x;"ruf 0341 5550123"',
        ),
    )
    desk.load("orders")
    assert desk.one("select count(*) from raw.quarantine") == 2
    assert "ben@x" not in str(desk.rows("from raw.quarantine"))
    path.rename(path.with_suffix(".away"))
    [report] = again(desk)
    assert (report.replayed, report.out_of_reach) == (0, 2)
    assert "have it delivered again and run the day" in report.problems[0]
    desk.write(
        "orders_20260101.csv",
        path.with_suffix(".away").read_text().replace(";open;ben@x.example", ";open").replace(";x;", ";9;"),
    )
    [report] = again(desk)
    assert (report.replayed, report.rejected, report.out_of_reach) == (2, 0, 0)
    assert desk.rows("select order_id, status from raw.orders order by 1") == [
        ("1", "open"),
        ("2", "open"),
        ("3", "ruf 0341 5550123"),
    ]
    assert desk.rows("select distinct outcome from raw.quarantine") == [("delivered again",)]
    balance(desk)


@pytest.mark.parametrize("is_file_there", [True, False])
def test_the_later_row_of_a_key_still_wins(desk, orders, is_file_there):
    """A rejected row that comes in late takes the place it had in its file."""
    earlier, later = BAD.replace("2;", "1;", 1), GOOD.replace(";7,00;", ";9,00EUR;")
    desk.feeds = {"erp": orders()}
    path = desk.write("orders_20260101.csv", day_of(earlier, GOOD, GOOD.replace(";7,00;", ";7,50;"), later))
    desk.load("orders")
    if not is_file_there:
        path.unlink()
    desk.feeds = {"erp": mended(orders)}
    again(desk)
    assert desk.rows("select net_amount::double, _row_number from raw.orders") == [(9.0, 4)]
    assert desk.one("select (rows_in, rows_loaded, rows_duplicate, rows_quarantined) from raw.load_batches") == (
        4,
        1,
        3,
        0,
    )
    balance(desk)


def test_what_a_payload_cannot_give_is_said(desk, orders):
    desk.feeds = {"erp": orders()}
    path = desk.write(
        "orders_20260101.csv", day_of(GOOD, BAD).replace("Status", "Status;Kanal").replace("open", "open;web")
    )
    desk.load("orders")
    path.unlink()
    feed = mended(orders)
    for column, sql in (("is_b2b", "\"Kunde\" like '%firma%'"), ("sales_channel", '"Kanal"')):
        desk.feeds = {"erp": {**feed, "columns": {**feed["columns"], column: {"sql": sql}}}}
        [report] = again(desk)
        assert (report.replayed, report.out_of_reach) == (0, 1), column
        assert report.problems
    assert desk.one("select count(*) from raw.orders") == 1
    desk.feeds = {"other": feed}
    [report] = again(desk)
    assert "no feed erp brings orders any more" in report.problems[0]
    balance(desk)


def test_only_the_chosen_feed_or_reason_is_tried(desk, orders):
    desk.feeds = {"erp": orders(), "shop": orders(path="shop_{day:%Y%m%d}.csv")}
    desk.write("orders_20260101.csv", day_of(GOOD, BAD))
    desk.write("shop_20260101.csv", day_of(GOOD, BAD.replace("open", "")))
    desk.load("orders")
    desk.feeds = {name: {**feed, "columns": mended(orders)["columns"]} for name, feed in desk.feeds.items()}
    assert [report.source for report in again(desk, source="shop")] == ["shop"]
    assert again(desk, reason="in_future") == []
    assert [report.source for report in again(desk, reason="bad_number")] == ["erp"]


def test_records_of_an_api_come_in_from_their_payloads(desk, server):
    records = [
        {"id": "1", "at": "2026-01-01T10:00:00Z", "buyer": {"mail": "anna@x.example"}, "sum": {"net": "7.00"}},
        {"id": "2", "at": "2026-01-01T11:00:00Z", "buyer": {"mail": "ben@x.example"}, "sum": {"net": "8 EUR"}},
        {"id": "3", "at": "2026-01-01T11:00:00Z", "buyer": {"mail": "c@x.example"}, "sum": None},
    ]
    server.answer = lambda path, params, attempt: ok(records)
    columns = {
        "order_id": "id", "ordered_at": "at", "customer_key": "buyer.mail", "net_amount": "sum.net",
        "currency": {"const": "EUR"}, "status": {"const": "open"},
    }  # fmt: skip
    feed = {
        "entity": "orders", "kind": "rest", "url": server.url, "params": {"day": "{day}"},
        "paginator": {"type": "single_page"},
        "columns": columns,
    }  # fmt: skip
    desk.feeds = {"api": feed}
    desk.load("orders")
    asked = len(server.requests)
    desk.feeds = {
        "api": {**feed, "columns": {**columns, "net_amount": {"sql": "coalesce(replace(sum.net, 'EUR', ''), '0')"}}}
    }
    [report] = again(desk)
    assert (report.replayed, report.rejected, report.out_of_reach) == (2, 0, 0)
    assert len(server.requests) == asked, "the API may have forgotten the day"
    assert desk.rows("select order_id, net_amount::int, customer_key from raw.orders order by 1") == [
        ("1", 7, pseudonym("anna@x.example", KEY)), ("2", 8, pseudonym("ben@x.example", KEY)),
        ("3", 0, pseudonym("c@x.example", KEY)),
    ]  # fmt: skip
    balance(desk)


@pytest.mark.parametrize("seed", [11, 12])
def test_a_tortured_feed_is_whole_after_everything_was_mended(desk, orders, seed):
    torture(desk, orders, seed)
    desk.load("orders", *DAYS)
    rejected = desk.one("select count(*) from raw.quarantine")
    assert rejected > 20
    for day in DAYS:
        path = desk.folder / f"orders_{day:%Y%m%d}.csv"
        lines = path.read_bytes().decode("cp1252", "replace").splitlines(keepends=False)
        path.write_text(
            lines[0]
            + "\n"
            + "".join(f"{day:%m%d}-{n};{day:%d.%m.%Y} 12:00:00;{PLANTED};1;1,00;open\n" for n in range(60)),
            "cp1252",
        )
    reports = again(desk)
    assert sum(report.replayed for report in reports) == rejected
    assert desk.one("select count(*) from raw.quarantine where replayed_at is null") == 0
    assert desk.one("select count(*) from raw.orders") == 60 * len(DAYS)
    balance(desk)


rows = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["1,00", "2,00", "3,00EUR", "4,00EUR", "x", "Ruf 0341 5550123"])),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(rows, min_size=1, max_size=2), gone=st.booleans(), repeats=st.integers(1, 2))
def test_nothing_is_lost_or_doubled_whatever_was_rejected(tmp_path_factory, orders, days, gone, repeats):
    """The twin: the last row of a key whose amount the mended mapping can read, per day."""
    desk = Desk(tmp_path_factory.mktemp("desk"), {"erp": orders()})
    dates = [date(2026, 1, 1) + timedelta(days=n) for n in range(len(days))]
    paths = [
        desk.write(
            f"orders_{day:%Y%m%d}.csv", day_of(*(f"{key};01.01.2026 10:00:00;a;1;{net};open" for key, net in lines))
        )
        for day, lines in zip(dates, days, strict=True)
    ]
    desk.load("orders", *dates)
    if gone:
        for path in paths:
            path.unlink()
    desk.feeds = {"erp": mended(orders)}
    for _ in range(repeats):
        again(desk)
        balance(desk)
    expected = []
    for day, lines in zip(dates, days, strict=True):
        kept = {key: int(net[0]) for key, net in lines if net[0].isdigit()}
        expected += [(day, str(key), net) for key, net in kept.items()]
    assert desk.rows("select _delivery_date, order_id, net_amount::int from raw.orders order by all") == sorted(
        expected
    )
    bad = sum(not net[0].isdigit() for lines in days for _, net in lines)
    assert desk.one("select count(*) from raw.quarantine where replayed_at is null") == bad
    assert desk.one("select sum(rows_in) from raw.load_batches") == sum(map(len, days))
