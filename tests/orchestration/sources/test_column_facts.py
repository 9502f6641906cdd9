"""What is ruled out for a column does not occur in it, and ruling it out changes no row."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.sources.column_facts import UNKNOWN, Facts, facts_of
from orchestration.sources.config import Column, Feed
from orchestration.sources.deliveries import JSON_COLUMN, ROW
from orchestration.sources.expressions import sandbox
from orchestration.sources.mapping import Mapper
from orchestration.sources.pseudonyms import Pseudonymiser
from orchestration.sources.verdicts import DAY, DELIVERY

pieces = st.sampled_from(
    ["", " ", "\u00a0", "\u2003", "\t", "ü", "ß", "a", "12", "[1]", "{", "x@y.de", "x (at) y.de", "-"]
)
texts = st.lists(pieces, max_size=4).map("".join)
columns = st.lists(st.none() | texts, max_size=8)


@given(columns, st.integers(0, 3))
@example(["Weiß", None, "a"], 0)
def test_nothing_that_occurs_is_ruled_out(values, skipped):
    array = pa.array(values, pa.string()).slice(skipped)
    there = [value for value in array.to_pylist() if value is not None]
    scrubbed = sandbox().execute("select scrub_email(x) from (select unnest(?::varchar[]) as x)", [there]).fetchall()
    for form in (array, array.cast(pa.large_string()), array.dictionary_encode()):
        facts = facts_of(pa.chunked_array([form]))
        assert facts.padded >= any(value != value.strip() for value in there)
        assert facts.empty >= ("" in there)
        assert facts.nested >= any(value.startswith(("{", "[")) for value in there)
        assert facts.address >= (there != [row[0] for row in scrubbed])


def test_a_plain_column_needs_nothing():
    assert facts_of(pa.chunked_array([["https://shop.example/p-1?q=2", None, "Größe"]])) == Facts(*[False] * 4)
    assert facts_of(pa.chunked_array([[1, 2]])) == UNKNOWN


NAMES = ("event_id", "occurred_at", "event_name", "page_url", "visitor_id", "value")


@given(st.lists(st.tuples(st.none() | texts, st.none() | texts, st.none() | texts), min_size=1, max_size=6))
def test_a_row_is_judged_the_same_whatever_its_neighbours_need(rows):
    """Facts are of a whole column: a last row with everything in it makes every doubt a need."""
    feed = Feed(
        "shop", "web_events", "files", Path(), "x:1", {name: Column(source=name) for name in NAMES}, format="jsonl"
    )
    mapper = Mapper(feed, Pseudonymiser(b"k" * 32), "Europe/Berlin", datetime(2026, 6, 2, tzinfo=UTC))

    def judged(records):
        texts = [json.dumps(dict(zip(NAMES, record, strict=True)), ensure_ascii=False) for record in records]
        count = len(texts)
        batch = pa.table(
            {
                JSON_COLUMN: texts,
                ROW: pa.array(range(count), pa.int64()),
                DELIVERY: pa.array([0] * count, pa.int32()),
                DAY: [date(2026, 6, 1)] * count,
            }
        )
        return mapper.map(batch).table.to_pylist()[: len(rows)]

    records = [(event, "2026-06-01 10:00:00", "scroll", url, "v", value) for event, url, value in rows]
    assert judged(records) == judged([*records, [" [x@y.de] "] * len(NAMES), [""] * len(NAMES)])
