"""A thousand malformed inputs: none is lost, each is told why, their neighbours load, a mended file recovers all."""

import gzip
from collections import Counter
from datetime import UTC

import pytest

from orchestration.sources.errors import DeliveryError
from orchestration.sources.replay import replay
from tests.orchestration.sources.conftest import KEY, NOW
from tests.orchestration.sources.torture.generator import (
    BAD_ROWS,
    CSV_KINDS,
    HEADER,
    JSON_KINDS,
    csv_file,
    days,
    json_file,
)

CSV_FILES, JSON_FILES = 40, 20
COLUMNS = {
    "order_id": "Nr", "ordered_at": "Datum", "customer_key": "Kunde", "ship_postal_code": "PLZ", "net_amount": "Netto",
    "status": "Status", "is_test": "Test", "currency": {"const": "EUR"},
}  # fmt: skip
FEEDS = {
    "csv": {
        "entity": "orders", "kind": "files", "path": "csv/{day}.csv", "delimiter": ";", "decimal": ",",
        "timezone": "UTC", "timestamp_format": "%d.%m.%Y %H:%M:%S", "columns": COLUMNS,
    },
    "json": {"entity": "orders", "kind": "files", "path": "json/{day}.jsonl", "columns": COLUMNS},
}  # fmt: skip


def head(name):
    return (";".join(HEADER) + "\n").encode() if name == "csv" else b""


def test_there_are_a_thousand_of_twenty_kinds():
    assert (CSV_FILES + JSON_FILES) * BAD_ROWS + len(BROKEN) * BROKEN_DAYS >= 1_000
    assert len(CSV_KINDS) + len(JSON_KINDS) + len(BROKEN) >= 20


@pytest.mark.parametrize(("name", "count", "make"), [("csv", CSV_FILES, csv_file), ("json", JSON_FILES, json_file)])
def test_rows(desk, name, count, make):
    files = {day: make(seed, day) for seed, day in enumerate(days(count))}
    desk.feeds = {name: dict(FEEDS[name])}
    if name == "csv":  # 29 March 2026 has no half past two here
        desk.feeds[name]["timezone"] = "Europe/Berlin"
    path = FEEDS[name]["path"]
    for day, records in files.items():
        desk.write(path.replace("{day}", str(day)), head(name) + b"".join(record.text for record in records))
    reports = {report.window: report for report in desk.load("orders", *files)}

    for day, records in files.items():
        report, good = reports[str(day)], [record for record in records if record.code is None]
        distinct = len({record.order.number for record in good})
        assert report.state == "loaded", report.problem
        assert (report.rows_in, report.rows_loaded, report.rows_quarantined, report.rows_duplicate) == (
            len(records), distinct, len(records) - len(good), len(good) - distinct,
        )  # fmt: skip

    key = {
        (str(day), number): (record.kind, record.code)
        for day, records in files.items()
        for number, record in enumerate(records, start=1)
        if record.code is not None
    }
    told = desk.rows('select "window", row_number, reason_code, reason from raw.quarantine where replayed_at is null')
    assert {(window, number): (key.get((window, number), "?")[0], code) for window, number, code, _ in told} == key
    assert len(told) == len(key) == count * BAD_ROWS
    assert all(reason for *_, reason in told)
    assert_loaded(desk, files, name, lambda record: record.code is None)

    for day, records in files.items():
        desk.write(path.replace("{day}", str(day)), head(name) + b"".join(record.mended or b"" for record in records))
    outcome = replay(desk.config(), warehouse=desk.warehouse, key=KEY, timezone="Europe/Berlin", now=NOW)
    assert sum(report.waiting for report in outcome) == len(key)
    assert sum(report.rejected + report.out_of_reach for report in outcome) == 0
    assert desk.one("select count(*) from raw.quarantine where replayed_at is null") == 0
    assert_loaded(desk, files, name, lambda record: record.order is not None)


def assert_loaded(desk, files, name, is_meant):
    zone = "Europe/Berlin" if name == "csv" else "UTC"
    found = desk.rows(
        f"""
        select order_id, ordered_at at time zone '{zone}', ship_postal_code, net_amount, status
        from raw.orders order by all
        """
    )
    orders = {record.order for records in files.values() for record in records if is_meant(record)}
    assert found == sorted(order.stored() for order in orders)


BROKEN_DAYS = 3
GOOD = b"1;05.11.2025 10:00:00;K1;01067;12,50;open;nein\n2;05.11.2025 11:00:00;K2;01067;13,50;open;nein\n"
BROKEN = {
    "no file": (None, "missing"),
    "empty file": (b"", "empty"),
    "blank lines": (b"\n \n\r\n", "empty"),
    "header only": (head("csv"), "header_only"),
    "last line breaks off": (head("csv") + GOOD[:-20], "truncated"),
    "quote open at the end": (head("csv") + GOOD + b'3;05.11.2025 11:00:00;K2;01067;13,50;"op', "truncated"),
    "gzip breaks off": (gzip.compress(head("csv") + GOOD)[:-12], "truncated"),
    "gzip damaged": (gzip.compress(head("csv") + GOOD)[:30] + b"\xff" * 40, "truncated"),
    "gzip of nothing": (gzip.compress(b""), "empty"),
    "header missing": (GOOD, "drifted"),
    "two columns of a name": (head("csv").replace(b"Kunde", b"Netto") + GOOD, "drifted"),
    "another delimiter": ((head("csv") + GOOD).replace(b";", b"|"), "drifted"),
    "an error page": (b"<html><body>502 Bad Gateway</body></html>\n", "drifted"),
    "a Parquet file": (b"PAR1" + bytes(range(256)) * 4 + b"PAR1", "drifted"),
}


def test_files(desk):
    asked = days(len(BROKEN) * BROKEN_DAYS)
    kinds = {day: list(BROKEN)[place % len(BROKEN)] for place, day in enumerate(asked)}
    desk.feeds = {"csv": FEEDS["csv"]}
    for day, kind in kinds.items():
        if BROKEN[kind][0] is not None:
            desk.write(f"csv/{day}.csv", BROKEN[kind][0])
    with pytest.raises(DeliveryError) as caught:
        desk.load("orders", *asked)
    assert {report.window: report.state for report in caught.value.reports} == {
        str(day): BROKEN[kind][1] for day, kind in kinds.items()
    }
    for report in caught.value.reports:
        assert (report.problem is not None) == (report.state in ("missing", "truncated", "drifted"))
    assert desk.one("select count(*) from raw.orders") == 0
    for day in asked:
        desk.write(f"csv/{day}.csv", head("csv") + GOOD.replace(b"05.11.2025", f"{day:%d.%m.%Y}".encode()))
    reports = desk.load("orders", *asked)
    assert Counter(report.state for report in reports) == {"loaded": len(asked)}
    assert desk.one("select count(*) from raw.orders") == 2 * len(asked)


def test_twins(desk):
    """The same order twice, corrected the next day, and from two systems."""

    def line(net, status):
        return f"7;05.11.2025 10:00:00;K1;01067;{net};{status};nein\n".encode()

    first, second = days(2)
    desk.feeds = {"csv": FEEDS["csv"], "shop": {**FEEDS["csv"], "path": "shop/{day}.csv"}}
    desk.write(f"csv/{first}.csv", head("csv") + line("1,00", "open") + line("2,00", "open"))
    desk.write(f"csv/{second}.csv", head("csv") + line("3,00", "shipped"))
    for day in (first, second):
        desk.write(f"shop/{day}.csv", head("csv") + (line("9,00", "open") if day == first else b""))
    reports = desk.load("orders", first, second)
    assert [(r.source, r.rows_loaded, r.rows_duplicate) for r in reports] == [
        ("csv", 1, 1), ("csv", 1, 0), ("shop", 1, 0), ("shop", 0, 0),
    ]  # fmt: skip
    assert desk.rows("select _source, net_amount::int, status from raw.orders order by all") == [
        ("csv", 2, "open"), ("csv", 3, "shipped"), ("shop", 9, "open"),
    ]  # fmt: skip


def test_five_megabytes_in_a_field(desk):
    [day] = days(1)
    desk.feeds = {"csv": FEEDS["csv"]}
    long = "ä" * 2_500_000
    desk.write(f"csv/{day}.csv", head("csv") + GOOD.replace(b"open", long.encode(), 1))
    assert [report.rows_loaded for report in desk.load("orders", day)] == [2]
    assert desk.one("select max(length(status)) from raw.orders") == len(long)


def test_the_clock_turns_back(desk):
    """25 October 2026 has half past two twice: the first is taken and the row is counted."""
    [day] = days(1)
    desk.feeds = {"csv": {**FEEDS["csv"], "timezone": "Europe/Berlin"}}
    desk.write(f"csv/{day}.csv", head("csv") + GOOD.replace(b"05.11.2025 10:00", b"26.10.2025 02:30"))
    [report] = desk.load("orders", day, now=NOW.astimezone(UTC))
    assert report.rows_ambiguous == 1
    assert desk.one("select min(ordered_at)::varchar from raw.orders") == "2025-10-26 00:30:00+00"
