"""Every record of a CSV file is either split or kept as it stood, however the file is cut into blocks."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.sources import text_blocks
from orchestration.sources.config import Column, Feed
from orchestration.sources.deliveries import ROW, Delivery
from orchestration.sources.files import read_deliveries
from orchestration.sources.locations import Location


def read(folder: Path, content: bytes, **settings):
    path = folder / "file.csv"
    path.write_bytes(content)
    feed = Feed("f", "products", "files", folder, "x:1", {"product_id": Column(source="a")}, format="csv", **settings)
    delivery = Delivery.of_day(feed, date(2026, 1, 1), "file.csv", Location(str(path)))
    rows, malformed = {}, {}
    for chunk in read_deliveries([delivery], ["a"]):
        for row in chunk.table.to_pylist():
            number = row.pop(ROW)
            rows[number] = tuple(row.values())
        malformed |= {bad.row: bad.text for bad in chunk.malformed}
    return delivery, rows, malformed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("csv")


def cut_into_blocks(patch, size):
    patch.setattr(text_blocks, "_BLOCK", size)
    patch.setattr(text_blocks, "_READ", max(size // 3, 1))


texts = st.text(st.sampled_from("ab ,\n\"';ü\t"), max_size=6)


@given(
    st.lists(st.tuples(texts, texts), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([1, 12, 40, 16 << 20]),
)
def test_what_a_csv_writer_wrote_is_read_back(folder, records, end, block):
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL)
    # No record can spell these names: one that did would be set aside as a repeated header.
    writer.writerows([("a", "k"), *records])
    with pytest.MonkeyPatch.context() as patch:
        cut_into_blocks(patch, block)
        delivery, rows, malformed = read(folder, buffer.getvalue().encode())
    assert malformed == {}
    assert list(rows) == list(range(1, len(records) + 1))
    assert list(rows.values()) == records
    assert delivery.rows_in == len(records)


lines = st.lists(st.sampled_from(["1,2", "x,y z", "1", "1,2,3", '"q",2', '"q,2', '5" tv,1', '"a"b,1', ""]), max_size=14)


@given(lines, st.sampled_from([1, 24, 16 << 20]))
def test_no_line_is_swallowed_or_invented(folder, lines, block):
    content = "\n".join(["a,b", *lines]) + "\n"
    with pytest.MonkeyPatch.context() as patch:
        cut_into_blocks(patch, block)
        delivery, rows, malformed = read(folder, content.encode())
    numbers = sorted([*rows, *malformed])
    assert numbers == list(range(1, len(numbers) + 1)), "rows are numbered without gaps"
    assert delivery.rows_in == len(numbers)
    good = [line for line in lines if line in ("1,2", "x,y z", '5" tv,1')]
    # Only what stands between two stray quotes can belong to a field of its own; without them it is exact.
    if not any(line.startswith('"') for line in lines):
        assert [",".join(row) for row in rows.values()] == good
        assert sorted(malformed.values()) == sorted(line for line in lines if line in ("1", "1,2,3"))


def test_a_quote_that_is_never_closed_costs_one_row(tmp_path):
    _, rows, malformed = read(tmp_path, b'a,b\n1,2\n3,"open\n4,5\n6,7\n')
    assert rows == {1: ("1", "2"), 3: ("4", "5"), 4: ("6", "7")}
    assert malformed == {2: '3,"open'}


def test_line_breaks_inside_quotes_stay(tmp_path):
    _, rows, malformed = read(tmp_path, b'a,b\n1,"two\nlines"\n3,"a ""word"""\n')
    assert (rows, malformed) == ({1: ("1", "two\nlines"), 2: ("3", 'a "word"')}, {})


def test_a_field_of_five_megabytes_and_nul_bytes_pass(tmp_path):
    long = "x" * 5_000_000
    _, rows, _ = read(tmp_path, f"a,b\n1,{long}\n2,\x00\n3,4\n".encode())
    assert rows == {1: ("1", long), 2: ("2", "\x00"), 3: ("3", "4")}


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"a,b\n", "header_only"),
        (b"a,b", "header_only"),
        (b"a,b\n1,2\n", "loaded"),
        (b"a,b\n1,2", "loaded"),
        (b"a,b\n1,2\n3", "truncated"),
        (b'a,b\n1,"2\n3', "truncated"),
        (b"a,a\n1,2\n", "drifted"),
        (b"b,c\n1,2\n", "drifted"),
    ],
)
def test_states(tmp_path, content, state):
    delivery, _, _ = read(tmp_path, content)
    assert delivery.state == state
    assert (delivery.problem is None) == (state not in ("truncated", "drifted"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le"])
def test_encodings(tmp_path, encoding):
    content = "a,b\nGrün,Straße 5\nÄ,é\n".encode(encoding)
    declared = {} if encoding in ("utf-8", "utf-8-sig", "utf-16") else {"encoding": encoding}
    _, rows, malformed = read(tmp_path, content, **declared)
    assert (rows, malformed) == ({1: ("Grün", "Straße 5"), 2: ("Ä", "é")}, {})


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_bytes_that_do_not_fit_the_encoding_cost_their_row_only(tmp_path, encoding):
    delivery, rows, malformed = read(tmp_path, b"a,b\n1,gut\n2,schlecht \x81\n3,gut\n", encoding=encoding)
    assert (list(rows), list(malformed)) == ([1, 3], [2])
    assert delivery.rows_in == 3
