import gzip
import json
from datetime import date, datetime

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.sources.errors import DeliveryError, SourceError

DAY = date(2026, 1, 1)
NAMES = {"product_id": "id", "name": "title", "price": "cents"}


def products(**other):
    return {"shop": {"entity": "products", "kind": "files", "columns": dict(NAMES), **other}}


def excel(rows):
    import io

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


RECORDS = [{"id": "01", "title": "Zelt", "cents": 12.5}, {"id": "02", "title": None, "cents": 3}]
LINES = "\n".join(map(json.dumps, RECORDS))
CONTENTS = {
    "p.csv": b"id,title,cents\n01,Zelt,12.5\n02,,3\n",
    "p.csv.gz": gzip.compress(b"id,title,cents\n01,Zelt,") + gzip.compress(b"12.5\n02,,3\n"),
    "p.tsv": b"id\ttitle\tcents\n01\tZelt\t12.5\n02\t\t3\n",
    "p.jsonl": LINES.encode(),
    "p.ndjson": (LINES + "\n\n").encode(),
    "p.json": json.dumps(RECORDS).encode(),
    "p.parquet": parquet(RECORDS),
    "p.xlsx": excel([["id", "title", "cents"], ["01", "Zelt", 12.5], ["02", None, 3]]),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_every_format_gives_the_same_rows(desk, name):
    desk.write(name, CONTENTS[name])
    desk.feeds = products(path=name)
    [report] = desk.load("products")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (2, 1, 1)
    assert report.window == "snapshot"
    assert desk.rows("select product_id, name, price::double from raw.products") == [("01", "Zelt", 12.5)]
    assert desk.one("select row_number, reason_code, reason from raw.quarantine") == (
        2, "missing_required", "name is empty",
    )  # fmt: skip
    assert desk.one("select payload->>'id' from raw.quarantine") == "02"


def test_records_may_lie_inside_a_document_and_columns_inside_records(desk):
    desk.write("p.json", json.dumps({"data": {"items": [{"id": 7, "more": {"title": "Zelt"}}]}}))
    desk.feeds = products(path="p.json", records="data.items", columns={"product_id": "id", "name": "more.title"})
    desk.load("products")
    assert desk.rows("select product_id, name from raw.products") == [("7", "Zelt")]


def test_many_files_of_a_day_are_batches_of_their_own_and_the_last_word_wins(desk):
    desk.write("20260101/a.csv", "id,title,cents\n1,old,1\n2,two,2\n")
    desk.write("20260101/b.csv", "id,title,cents\n1,new,1\n")
    desk.feeds = products(path="{day:%Y%m%d}/*.csv")
    reports = desk.load("products", DAY)
    assert [(r.file_name, r.rows_loaded, r.rows_duplicate) for r in reports] == [
        ("20260101/a.csv", 1, 1), ("20260101/b.csv", 1, 0),
    ]  # fmt: skip
    assert sorted(desk.rows("select product_id, name from raw.products")) == [("1", "new"), ("2", "two")]


@pytest.mark.parametrize("name", ["p.csv.gz", "p.json", "p.parquet", "p.xlsx"])
def test_half_a_file_is_truncated_and_nothing_of_it_is_loaded(desk, name):
    desk.write(name, CONTENTS[name][: len(CONTENTS[name]) * 2 // 3])
    desk.feeds = products(path=name)
    with pytest.raises(DeliveryError, match=r"deliver (it|the complete file) again") as caught:
        desk.load("products")
    assert [report.state for report in caught.value.reports] == ["truncated"]
    assert desk.one("select count(*) from raw.products") == 0


def test_json_lines_that_break_off_are_truncated(desk):
    desk.write("p.jsonl", LINES[:-5])
    desk.feeds = products(path="p.jsonl")
    with pytest.raises(DeliveryError, match="breaks off"):
        desk.load("products")


@pytest.mark.parametrize(
    ("name", "content", "state"),
    [
        ("p.jsonl", b"", "empty"),
        ("p.json", b"[]", "empty"),
        ("p.json", b"", "empty"),
        ("p.parquet", b"", "empty"),
        ("p.xlsx", excel([["id", "title", "cents"]]), "header_only"),
        ("p.csv.gz", gzip.compress(b"", mtime=0), "empty"),
    ],
)
def test_files_without_rows(desk, name, content, state):
    desk.write(name, content)
    desk.feeds = products(path=name)
    [report] = desk.load("products")
    assert (report.state, report.rows_in) == (state, 0)


def test_a_parquet_file_without_rows_has_its_header(desk):
    table = pa.table({name: pa.array([], pa.string()) for name in NAMES.values()})
    pq.write_table(table, desk.folder / "p.parquet")
    desk.feeds = products(path="p.parquet")
    assert desk.load("products")[0].state == "header_only"


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.xlsx"])
def test_a_column_that_is_gone_is_named(desk, name):
    desk.write(name, CONTENTS[name])
    desk.feeds = products(path=name, columns={**NAMES, "brand": "maker"})
    with pytest.raises(DeliveryError, match=r"no column 'maker'.*'title'.*correct columns"):
        desk.load("products")


def test_reordered_columns_are_not_swapped(desk):
    desk.write("p_20260101.csv", "id,title,cents\n1,Zelt,5\n")
    desk.write("p_20260102.csv", "cents,new,title,id\n6,x,Boot,2\n")
    desk.feeds = products(path="p_{day:%Y%m%d}.csv")
    desk.load("products", DAY, date(2026, 1, 2))
    assert sorted(desk.rows("select product_id, name, price::int from raw.products")) == [
        ("1", "Zelt", 5), ("2", "Boot", 6),
    ]  # fmt: skip


def test_excel_dates_and_numbers_take_the_notation_of_the_feed(desk):
    rows = [["id", "at", "net"], ["7", datetime(2026, 1, 5, 9, 30), 1234.5]]
    desk.write("o.xlsx", excel(rows))
    desk.feeds = {
        "o": {
            "entity": "orders", "kind": "files", "path": "o.xlsx", "decimal": ",",
            "timestamp_format": "%d.%m.%Y %H:%M:%S", "timezone": "UTC",
            "columns": {"order_id": "id", "ordered_at": "at", "net_amount": "net",
                        "currency": {"const": "EUR"}, "status": {"const": "open"}},
        }
    }  # fmt: skip
    desk.load("orders")
    assert desk.one("select ordered_at::varchar, net_amount::double from raw.orders") == (
        "2026-01-05 09:30:00+00", 1234.5,
    )  # fmt: skip


def test_a_link_does_not_lead_out_of_the_folder(desk, tmp_path_factory):
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.csv"
    secret.write_text("id,title,cents\n1,secret,1\n")
    (desk.folder / "p.csv").symlink_to(secret)
    desk.feeds = products(path="p.csv")
    with pytest.raises(SourceError, match="allow:"):
        desk.load("products")


def test_mapping_expressions_reach_no_file(desk):
    desk.write("p.csv", "id,title,cents\n1,x,1\n")
    desk.write("secret.txt", "secret")
    for expression in ("(select content from read_text('secret.txt'))", "getenv('HOME')", "1; select 2"):
        desk.feeds = products(path="p.csv", columns={**NAMES, "brand": {"sql": expression}})
        with pytest.raises(SourceError):
            desk.load("products")


def test_lines_of_text_are_taken_apart_by_the_mapping(desk):
    desk.write("p.log.gz", gzip.compress(b"1 Zelt 5\r\n\n2 Boot 6"))
    parts = {name: {"sql": f"split_part(line, ' ', {n})"} for n, name in enumerate(NAMES, start=1)}
    desk.feeds = products(path="p.log.gz", columns=parts)
    [report] = desk.load("products")
    assert (report.rows_in, report.rows_loaded) == (2, 2)
    assert sorted(desk.rows("select product_id, name, price::int, _row_number from raw.products")) == [
        ("1", "Zelt", 5, 1), ("2", "Boot", 6, 3),
    ]  # fmt: skip


def test_lines_above_the_header_are_passed_over(desk):
    desk.write("p.csv", "Export of 1 January\n\nid,title,cents\n1,Zelt,5\n")
    desk.feeds = products(path="p.csv", skip_lines=2)
    assert [report.rows_loaded for report in desk.load("products")] == [1]


def test_a_document_with_bytes_of_another_encoding_loses_those_records_only(desk):
    desk.write(
        "p.json", json.dumps([{"id": 1, "title": "Zelt"}, {"id": 2, "title": "@"}]).encode().replace(b"@", b"\xfc")
    )
    desk.feeds = products(path="p.json", columns={"product_id": "id", "name": "title"})
    [report] = desk.load("products")
    assert (report.rows_loaded, report.rows_quarantined) == (1, 1)
    assert desk.one("select reason_code from raw.quarantine") == "bad_encoding"


@pytest.mark.parametrize("name", ["p.json", "p.jsonl", "p.csv"])
def test_what_does_not_fit_into_memory_is_refused(desk, name, monkeypatch):
    from orchestration.sources import files, text_blocks

    monkeypatch.setattr(files, "_LARGEST_DOCUMENT", 100)
    monkeypatch.setattr(text_blocks, "_LONGEST_LINE", 100)
    monkeypatch.setattr(text_blocks, "_BLOCK", 10)
    monkeypatch.setattr(text_blocks, "_READ", 10)
    content = {"p.json": json.dumps(RECORDS * 9), "p.jsonl": json.dumps(RECORDS[0] | {"x": "x" * 900})}
    desk.write(name, content.get(name, "id,title,cents\n1,Zelt," + "5" * 900))
    desk.feeds = products(path=name)
    with pytest.raises(DeliveryError, match="bytes; "):
        desk.load("products")
