"""Thirty ways in which a source changes overnight: each is detected and named, and rows land right or not at all."""

import io
import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.sources.errors import DeliveryError

FIRST, SECOND = date(2026, 3, 4), date(2026, 3, 5)
ORDERS = 40
HEADER = ["Nr", "Datum", "Kunde", "PLZ", "Brutto", "Netto", "Status", "Notiz"]
COLUMNS = {
    "order_id": "Nr", "ordered_at": "Datum", "customer_key": "Kunde", "ship_postal_code": "PLZ",
    "gross_amount": "Brutto", "net_amount": "Netto", "status": "Status", "currency": {"const": "EUR"},
}  # fmt: skip


def order(day, number):
    """What an order is in truth, by the ERP system's own names."""
    net = 1000 + number * 7.5 + 0.25
    return {
        "Nr": f"{day.day:02}{number:04}", "Datum": f"{day:%d.%m.%Y} {number % 24:02}:30:00", "Kunde": f"K{number}",
        "PLZ": f"0{1000 + number}", "Brutto": net * 1.19, "Netto": net, "Status": "Größe M" if number % 2 else "open",
        "Notiz": "bald",
    }  # fmt: skip


def german(value):
    return f"{value:,.2f}".translate(str.maketrans(",.", ".,")) if isinstance(value, float) else value


def table(day, change=lambda row: row, header=None):
    """CSV of a day; `change` alters a row, which brings its own columns."""
    rows = [{name: german(value) for name, value in order(day, n).items()} for n in range(ORDERS)]
    rows = [change(row) for row in rows]
    return "\n".join([";".join(header or rows[0])] + [";".join(row.values()) for row in rows]) + "\n"


def renamed(old, new):
    return lambda row: {new if name == old else name: value for name, value in row.items()}


def without(old):
    return lambda row: {name: value for name, value in row.items() if name != old}


def as_text(name, convert):
    return lambda row: {**row, name: convert(row[name])}


def point(text):
    return text.translate(str.maketrans(",.", ".,"))


def american(text):
    return f"{text[3:5]}.{text[:2]}.{text[6:]}"


@dataclass
class Case:
    content: Any
    words: str
    is_loaded: bool = False
    feed: dict = field(default_factory=dict)
    first: Any = None


def loaded(content, words, **other):
    return Case(content, words, True, **other)


CASES = {
    "added column": loaded(table(SECOND, lambda row: {"Neu": "x", **row}), "nothing uses it: 'Neu'"),
    "unused column dropped": loaded(table(SECOND, without("Notiz")), "nothing used it: 'Notiz'"),
    "unused column renamed": loaded(table(SECOND, renamed("Notiz", "Bemerkung")), "'Notiz' is 'Bemerkung' now"),
    "reordered": loaded(table(SECOND, lambda row: dict(reversed(row.items()))), "stand in another order"),
    "two amounts swapped with their names": loaded(
        table(SECOND, lambda row: {name: row[name] for name in [*HEADER[:4], "Netto", "Brutto", *HEADER[6:]]}),
        "another order",
    ),
    "another case": loaded(table(SECOND, renamed("Netto", "NETTO")), "'Netto' is 'NETTO' now"),
    "dropped": Case(table(SECOND, without("Netto")), "no column 'Netto'"),
    "renamed": Case(table(SECOND, renamed("Netto", "Nettobetrag")), "'Netto' is 'Nettobetrag' now"),
    "duplicate header": Case(table(SECOND, header=[*HEADER[:7], "Netto"]), "two columns named 'netto'"),
    "no header": Case(table(SECOND).split("\n", 1)[1], "is the line with the names missing"),
    "a title above the header": Case("Export vom 05.03.2026\n" + table(SECOND), "no column"),
    "byte-order mark": loaded("\ufeff" + table(SECOND), ""),
    "delimiter": Case(table(SECOND).replace(",", ".").replace(";", ","), "is the delimiter ',' now"),
    "UTF-8 turns cp1252": Case(table(SECOND).encode("cp1252"), "bad_encoding"),
    "cp1252 turns UTF-8": Case(
        table(SECOND).encode(), "is UTF-8 now", feed={"encoding": "cp1252"}, first=table(FIRST).encode("cp1252"),
    ),
    "UTF-8 turns UTF-16": loaded(table(SECOND).encode("utf-16"), ""),
    "UTF-8 turns UTF-16 without mark": Case(table(SECOND).encode("utf-16-le"), "no column"),
    "decimal comma turns point": Case(
        table(SECOND, lambda row: {**row, "Netto": point(row["Netto"]), "Brutto": point(row["Brutto"])}),
        "decimal separator|bad_number",
    ),
    "decimal point without thousands": Case(
        table(SECOND, as_text("Netto", lambda x: point(x).replace(",", ""))), "bad_number",
    ),
    "numbers that fit both notations": Case(
        table(SECOND, as_text("Netto", lambda x: x[:5])), "bad_number.*1.000",
    ),
    "currency signs": Case(table(SECOND, as_text("Netto", lambda x: x + " €")), "bad_number.*€"),
    "day and month swapped": Case(table(SECOND, as_text("Datum", american)), "day and month swapped"),
    "day and month swapped, seen in a snapshot": Case(
        "".join(table(date(2026, 3, day), as_text("Datum", american)).split("\n", day > 1)[-1] for day in (1, 20, 25)),
        "day and month have changed places|bad_timestamp", feed={"path": "orders.csv"}, first=table(FIRST),
    ),
    "ISO dates": Case(
        table(SECOND, as_text("Datum", lambda x: f"{x[6:10]}-{x[3:5]}-{x[:2]} 10:00:00")), "bad_timestamp",
    ),
    "years of two digits": Case(table(SECOND, as_text("Datum", lambda x: x[:6] + x[8:])), "bad_timestamp"),
    "an extra column at the end of the rows": Case(
        table(SECOND, lambda row: {**row, "": ""}, HEADER), "9 columns, the header has 8",
    ),
    "a column less in the rows": Case(table(SECOND, without("Notiz"), HEADER), "7 columns, the header has 8"),
    "values emptied": Case(table(SECOND, as_text("PLZ", lambda x: "")), "ship_postal_code .100% filled before"),
    "headerless, columns moved": Case(
        "\n".join(table(SECOND, lambda row: dict(reversed(row.items()))).split("\n")[1:]), "bad_timestamp|bad_number",
        feed={"header": HEADER}, first=table(FIRST).split("\n", 1)[1],
    ),
}  # fmt: skip


def as_json(day, change=lambda row: row):
    def iso(row):
        return {**row, "Datum": f"{day}T{row['Datum'][11:]}"}

    return "\n".join(json.dumps(change(iso(order(day, n)))) for n in range(ORDERS)) + "\n"


JSON = {"path": "orders_{day}.jsonl", "delimiter": ",", "decimal": ".", "timestamp_format": "%Y-%m-%dT%H:%M:%S"}


def typed(day, **types):
    rows = [{**order(day, n), "Datum": f"{day}T{n % 24:02}:30:00"} for n in range(ORDERS)]
    whole = pa.Table.from_pylist(rows)
    for name, kind in types.items():
        whole = whole.set_column(whole.column_names.index(name), name, whole[name].cast(kind))
    sink = io.BytesIO()
    pq.write_table(whole, sink)
    return sink.getvalue()


PARQUET = {**JSON, "path": "orders_{day}.parquet"}


def workbook(day, sheet="Export", postal_code=str):
    book = openpyxl.Workbook()
    book.active.title = sheet
    book.active.append(HEADER)
    for n in range(ORDERS):
        row = order(day, n)
        book.active.append([postal_code(value) if name == "PLZ" else value for name, value in row.items()])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


EXCEL = {"path": "orders_{day}.xlsx", "sheet": "Export"}
RECORDS = {
    "JSON, new key": loaded(as_json(SECOND, lambda row: {**row, "neu": 1}), "'neu'"),
    "JSON, key renamed": Case(as_json(SECOND, renamed("PLZ", "Postleitzahl")), "moved PLZ"),
    "JSON, required key renamed": Case(as_json(SECOND, renamed("Netto", "NettoBetrag")), "missing_required"),
    "JSON, key nested": Case(
        as_json(SECOND, lambda row: {**without("PLZ")(row), "Adresse": {"PLZ": row["PLZ"]}}), "moved PLZ",
    ),
    "JSON, text turns object": Case(as_json(SECOND, as_text("Status", lambda x: {"de": x})), "bad_text"),
    "JSON, text turns number": Case(as_json(SECOND, as_text("PLZ", int)), "'PLZ' was text and holds numbers now"),
    "JSON, number turns text": loaded(as_json(SECOND, as_text("Netto", str)), "'Netto' holds text now, it held number"),
}  # fmt: skip
CASES |= (
    {name: Case(c.content, c.words, c.is_loaded, JSON, first=as_json(FIRST)) for name, c in RECORDS.items()}
    | {
        name: Case(typed(SECOND, **types), words, is_loaded, PARQUET, typed(FIRST))
        for name, words, is_loaded, types in (
            ("Parquet, text turns number", "was text and holds numbers now", False, {"PLZ": pa.int64()}),
            ("Parquet, text turns time", "'Datum' holds time now, it held text", True, {"Datum": pa.timestamp("us")}),
            ("Parquet, amount turns text", "'Netto' holds text now", True, {"Netto": pa.string()}),
            ("Parquet, key turns float", "'Nr' was text", False, {"Nr": pa.float64()}),
        )
    }
    | {
        name: Case(content, words, False, EXCEL, workbook(FIRST))
        for name, content, words in (
            ("Excel, sheet renamed", workbook(SECOND, "Tabelle1"), "Export does not exist.*Tabelle1"),
            ("Excel, postal codes turn numbers", workbook(SECOND, postal_code=int), "'PLZ' was text"),
        )
    }
)


def test_there_are_enough_of_them():
    assert len(CASES) >= 30


def truth(day):
    return [
        (row["Nr"], row["PLZ"], round(row["Netto"], 2), round(row["Brutto"], 2), row["Status"])
        for row in (order(day, n) for n in range(ORDERS))
    ]


@pytest.mark.parametrize("name", CASES)
def test_drift(desk, orders, name):
    case = CASES[name]
    desk.feeds = {"erp": {**orders(path="orders_{day}.csv", timezone="UTC"), "columns": COLUMNS, **case.feed}}
    path = desk.feeds["erp"]["path"]
    desk.write(path.replace("{day}", str(FIRST)), table(FIRST) if case.first is None else case.first)
    [before] = desk.load("orders", FIRST)
    assert (before.rows_loaded, before.notes, before.problem) == (ORDERS, None, None)
    desk.write(path.replace("{day}", str(SECOND)), case.content)
    try:
        reports = desk.load("orders", SECOND)
    except DeliveryError as error:
        reports = error.reports
    [report] = reports
    assert (report.state == "loaded") == case.is_loaded, report
    said = report.problem if not case.is_loaded else report.notes or ""
    assert re.search(case.words, said), said
    assert desk.rows("select notes from raw.load_batches where batch_id = '" + report.batch_id + "'") == [
        (report.notes,)
    ]
    landed = """
        select order_id, ship_postal_code, net_amount::double, gross_amount::double, status
        from raw.orders where _delivery_date = {} order by all
    """
    is_snapshot = "{day}" not in path
    day = "date '1970-01-01'" if is_snapshot else f"date '{SECOND}'"
    expected = truth(SECOND) if case.is_loaded else truth(FIRST) if is_snapshot else []
    assert [(*row[:2], round(row[2], 2), round(row[3], 2), row[4]) for row in desk.rows(landed.format(day))] == expected


def test_a_column_that_was_hardly_filled_may_be_empty_for_a_day(desk, orders):
    desk.feeds = {"erp": {**orders(path="orders_{day}.csv", timezone="UTC"), "columns": COLUMNS}}

    def rarely(row):
        return {**row, "PLZ": row["PLZ"] if row["Nr"].endswith("7") else ""}

    desk.write(f"orders_{FIRST}.csv", table(FIRST, rarely))
    desk.write(f"orders_{SECOND}.csv", table(SECOND, as_text("PLZ", lambda x: "")))
    desk.load("orders", FIRST)
    [report] = desk.load("orders", SECOND)
    assert (report.state, report.notes) == ("loaded", "not one of 40 rows has ship_postal_code (10% filled before)")


def test_a_few_values_in_the_other_notation_cost_their_rows_only(desk, orders):
    desk.feeds = {"erp": {**orders(path="orders_{day}.csv", timezone="UTC", thousands="."), "columns": COLUMNS}}

    def sometimes(row):
        return {**row, "Netto": "12.50" if row["Nr"].endswith("7") else row["Netto"]}

    desk.write(f"orders_{FIRST}.csv", table(FIRST, sometimes))
    [report] = desk.load("orders", FIRST)
    assert (report.state, report.rows_loaded, report.rows_quarantined) == ("loaded", 36, 4)


def test_what_drifted_loads_after_the_feed_is_corrected(desk, orders):
    desk.feeds = {"erp": {**orders(path="orders_{day}.csv", timezone="UTC"), "columns": dict(COLUMNS)}}
    desk.write(f"orders_{FIRST}.csv", table(FIRST))
    desk.write(f"orders_{SECOND}.csv", table(SECOND, renamed("PLZ", "Postleitzahl")))
    with pytest.raises(DeliveryError, match="'PLZ'"):
        desk.load("orders", FIRST, SECOND)
    desk.feeds["erp"] |= {"from": SECOND}
    desk.feeds["erp"]["columns"]["ship_postal_code"] = "Postleitzahl"
    [report] = desk.load("orders", SECOND)
    assert (report.state, report.rows_loaded) == ("loaded", ORDERS)
