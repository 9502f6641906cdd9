"""Texts become the contract's types as their source means them, or say why they do not."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.sources.config import Column, Feed
from orchestration.sources.errors import ConfigError
from orchestration.sources.mapping import Mapper
from orchestration.sources.pseudonyms import Pseudonymiser, pseudonym
from tests.orchestration.sources.conftest import KEY, NOW

BERLIN = ZoneInfo("Europe/Berlin")


def feed(entity, columns, **options):
    mapped = {
        name: given if isinstance(given, Column) else Column(source=given) for name, given in columns.items()
    }  # fmt: skip
    return Feed("f", entity, "files", Path("."), "sources.yaml:3", mapped, **{"format": "csv", **options})


def run(entity, columns, rows, now=NOW, day=None, **options):
    """Map rows given as dicts; return the landing rows, in order."""
    table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows)
    table = table.append_column("_row", pa.array(range(1, len(table) + 1), pa.int64()))
    table = table.append_column("_delivery", pa.array([0] * len(table), pa.int32()))
    table = table.append_column("_delivery_day", pa.array([day] * len(table), pa.date32()))
    mapper = Mapper(feed(entity, columns, **options), Pseudonymiser(KEY), "Europe/Berlin", now)
    mapped = mapper.map(table)
    return sorted(mapped.table.to_pylist(), key=lambda row: row["_row_number"]), mapped


def one_column(entity, column, values, **options):
    """Cast texts in one column of an otherwise good row; return (value, reason code) pairs."""
    names = {"spend_date": "d", "channel": "c", "campaign_id": "k", "cost": "m", "currency": "e", column: "x"}
    good = {"d": "2026-01-01", "c": "tv", "k": "1", "m": "1", "e": "EUR"}
    rows = [{**good, "x": value} for value in values]
    return [(row[column], row["_reason_code"]) for row in run(entity, names, rows, **options)[0]]


german = st.from_regex(r"[+-]?([0-9]{1,3}(\.[0-9]{3}){0,2}|[0-9]{1,6})(,[0-9]{0,4})?-?", fullmatch=True)
noise = st.text(st.sampled_from("0123456789.,-+e ü"), max_size=8)


def obvious_german_amount(text):
    """A German number the slow way; None if it is none."""
    text = text.strip()
    match = re.fullmatch(r"([+-]?)(\d+|\d{1,3}(?:\.\d{3})+)?(?:,(\d*))?((?:[eE][+-]?\d+)?)(-?)", text, re.ASCII)
    if match is None or not ((match[2] or match[3]) and text) or (match[1] and match[5]):
        return None
    number = Decimal(f"{match[1]}{(match[2] or '0').replace('.', '')}.{match[3] or '0'}{match[4]}")
    number = -number if match[5] else number
    return number.quantize(Decimal("0.01"), ROUND_HALF_UP) if abs(number) < Decimal(10) ** 15 else None


@settings(max_examples=25)
@given(st.lists(st.one_of(german, noise), min_size=1, max_size=80))
def test_german_amounts_are_what_they_obviously_are(texts):
    got = one_column("campaign_spend", "cost", texts, decimal=",", thousands=".")
    for text, (value, code) in zip(texts, got, strict=True):
        expected = obvious_german_amount(text)
        assert value == expected, text
        if expected is None:
            assert code == ("bad_number" if text.strip() else "missing_required"), text


@pytest.mark.parametrize(
    ("text", "options", "value"),
    [
        ("1.234,56", {"decimal": ","}, "1234.56"),
        ("1.234", {"decimal": ",", "thousands": "."}, "1234.00"),
        ("1.234", {"decimal": ","}, None),  # may be either
        ("1.234.567", {"decimal": ","}, "1234567.00"),
        ("1234,5-", {"decimal": ","}, "-1234.50"),
        ("1,234.56", {"thousands": ","}, "1234.56"),
        ("1'234.50", {"thousands": "'"}, "1234.50"),
        (" 12.30 ", {}, "12.30"),
        ("1,234.56", {}, None),
        ("1,234.56", {"decimal": ","}, None),
        ("1234.56", {"decimal": ","}, None),
        ("nan", {}, None),
        ("1_000", {}, None),
        ("0x1F", {}, None),
        ("--5", {}, None),
        ("99999999999999999999", {}, None),
    ],
)
def test_amounts(text, options, value):
    [(got, code)] = one_column("campaign_spend", "cost", [text], **options)
    assert (got, code) == (value and Decimal(value), None if value else "bad_number")


@pytest.mark.parametrize(
    ("column", "text", "value", "code"),
    [
        ("clicks", "12", 12, None),
        ("clicks", "12.0", 12, None),
        ("clicks", "12.5", None, "bad_integer"),
        ("clicks", "twelve", None, "bad_integer"),
        ("clicks", "", None, None),
        ("spend_date", "2026-02-29", None, "bad_date"),
        ("spend_date", "2026-02-28", date(2026, 2, 28), None),
        ("spend_date", "20260228", date(2026, 2, 28), None),
        ("spend_date", "", None, "missing_key"),
        ("campaign_id", "01067", "01067", None),
    ],
)
def test_other_types(column, text, value, code):
    assert one_column("campaign_spend", column, [text]) == [(value, code)]


@pytest.mark.parametrize(("yes", "no"), [("J", "N"), ("true", "False"), ("1", "0"), ("Yes", "No"), ("ja", "nein")])
def test_flags_in_the_words_of_many_systems(yes, no):
    rows = [{"k": "a", "f": flag} for flag in (yes, no, "", "maybe")]
    got, _ = run("customers", {"customer_key": "k", "consent_marketing": "f"}, rows)
    assert [row["consent_marketing"] for row in got] == [True, False, None, None]
    assert [row["_reason_code"] for row in got] == [None, None, None, "bad_boolean"]


def times(texts, **options):
    columns = {"touchpoint_id": "i", "occurred_at": "t", "touchpoint_type": Column(const="call")}
    return run("touchpoints", columns, [{"i": str(n), "t": text} for n, text in enumerate(texts)], **options)


wall_clock = st.datetimes(datetime(2025, 3, 29), datetime(2026, 10, 27)).map(lambda at: at.replace(microsecond=0))
around_changes = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from([datetime(2025, 10, 26), datetime(2026, 3, 29), datetime(2026, 10, 25)]),
    st.integers(0, 300),
)


@settings(max_examples=25)
@given(st.lists(st.one_of(wall_clock, around_changes), min_size=1, max_size=30))
def test_wall_clock_times_are_resolved_like_the_zone_says(walls):
    rows, mapped = times([f"{at:%d.%m.%Y %H:%M:%S}" for at in walls], timestamp_format=("%d.%m.%Y %H:%M:%S",))
    doubles = 0
    for at, row in zip(walls, rows, strict=True):
        first = at.replace(tzinfo=BERLIN, fold=0)
        exists = first.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) == at
        if exists:
            assert (row["occurred_at"], row["_reason_code"]) == (first.astimezone(UTC), None)
            doubles += first.utcoffset() != at.replace(tzinfo=BERLIN, fold=1).utcoffset()
        else:
            assert (row["occurred_at"], row["_reason_code"]) == (None, "nonexistent_local_time")
    assert len(mapped.ambiguous) == doubles


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("2026-01-05T10:00:00Z", {}, datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05T10:00:00.250+02:00", {}, datetime(2026, 1, 5, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-05 10:00:00 UTC", {}, datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("2026-01-05 10:00", {}, datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("2026-01-05 10:00", {"timezone": "America/New_York"}, datetime(2026, 1, 5, 15, tzinfo=UTC)),
        ("2026-01-05", {}, datetime(2026, 1, 4, 23, tzinfo=UTC)),
        ("1767607200", {"timestamp_format": ("epoch_seconds",)}, datetime(2026, 1, 5, 10, tzinfo=UTC)),
        ("1767607200500", {"timestamp_format": ("epoch_milliseconds",)}, datetime(2026, 1, 5, 10, 0, 0, 500_000, UTC)),
        ("05/Jan/2026:10:00 +0100", {"timestamp_format": ("%d/%b/%Y:%H:%M %z",)}, datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("5.1.26 10:00", {"timestamp_format": ("%d.%m.%Y", "%d.%m.%y %H:%M")}, datetime(2026, 1, 5, 9, tzinfo=UTC)),
        ("31.02.2026", {"timestamp_format": ("%d.%m.%Y",)}, "bad_timestamp"),
        ("2026-01-05 25:00", {}, "bad_timestamp"),
        ("soon", {"timestamp_format": ("epoch_seconds",)}, "bad_timestamp"),
        ("", {}, "missing_required"),
        ("0", {"timestamp_format": ("epoch_seconds",)}, "epoch_zero"),
        ("1970-01-01 00:00:00", {}, "epoch_zero"),
        ("2028-11-01T00:00:00Z", {}, "in_future"),
        ((NOW + timedelta(minutes=9)).isoformat(), {}, NOW + timedelta(minutes=9)),
        ((NOW + timedelta(minutes=11)).isoformat(), {}, "in_future"),
    ],
)  # fmt: skip
def test_points_in_time(text, options, expected):
    [row], _ = times([text], **options)
    if isinstance(expected, str):
        assert row["_reason_code"] == expected
    else:
        assert (row["occurred_at"], row["_reason_code"]) == (expected, None)


def test_persons_are_hashed_and_placeholders_are_nobody():
    rows = [{"k": "Anna@Example.org ", "a": "0"}, {"k": "unknown", "a": "G1"}]
    first, second = run("customers", {"customer_key": "k", "account_id": "a"}, rows)[0]
    assert (first["customer_key"], first["account_id"]) == (pseudonym("anna@example.org", KEY), None)
    assert (second["customer_key"], second["_reason_code"]) == (None, "missing_key")


def test_a_rejected_row_shows_what_is_mapped_and_no_person():
    columns = {"order_id": "nr", "ordered_at": "at", "customer_key": "mail", "net_amount": "net",
               "currency": Column(const="EUR"), "status": Column(sql="coalesce(state, 'open')")}  # fmt: skip
    row = {
        "nr": "7", "at": "2026-01-05", "mail": "anna@example.org", "net": "12 Euro, call +49 341 5550123 or eva@b.de",
        "state": None, "street": "Hauptstraße 1",
    }  # fmt: skip
    [got], _ = run("orders", columns, [row])
    assert got["_reason_code"] == "bad_number"
    assert got["_reason"] == "net_amount: 12 Euro, call [phone] or [e-mail] is not an amount"
    assert json.loads(got["_payload"]) == {
        "nr": "7", "at": "2026-01-05", "net": "12 Euro, call [phone] or [e-mail]", "state": None,
        "_personal": {"customer_key": pseudonym("anna@example.org", KEY)},
    }  # fmt: skip
    assert got["_is_whole"] is False


def test_an_expression_that_fails_on_a_row_costs_that_row():
    columns = {
        "product_id": "id",
        "name": "name",
        "price": Column(sql="cents::int / 100"),
        "brand": Column(sql="whose"),
    }
    rows = [
        {"id": "1", "name": "a", "cents": "250"},
        {"id": "2", "name": "b", "cents": "n/a"},
        {"id": "3", "name": "c", "cents": None},
    ]
    got, _ = run("products", columns, rows, let={"whose": "upper(name)"})
    assert [row["_reason_code"] for row in got] == [None, "bad_mapping", None]
    assert got[1]["_reason"].startswith("price: ")
    assert [(row["price"], row["brand"]) for row in (got[0], got[2])] == [(Decimal("2.50"), "A"), (None, "C")]


def test_a_named_expression_that_fails_on_a_row_costs_that_row():
    columns = {"product_id": "id", "name": "name", "price": Column(sql="euros")}
    rows = [{"id": "1", "name": "a", "cents": "x"}, {"id": "2", "name": "b", "cents": "100"}]
    got, _ = run("products", columns, rows, let={"euros": "cents::int / 100"})
    assert [row["_reason_code"] for row in got] == ["bad_mapping", None]


def test_two_expressions_that_fail_in_the_same_part_cost_that_row():
    # DuckDB's optimizer takes what they have in common out of `try`, and fields of structs, too.
    columns = {"product_id": "i", "name": Column(sql="n"), "price": Column(sql="case when n > 0 then n / 2 else n end")}
    rows = [{"i": "1", "p": "4"}, {"i": "2", "p": "elf"}]
    got, _ = run("products", columns, rows, let={"n": "p::double", "unused": "gone + 1"})
    assert [row["_reason_code"] for row in got] == [None, "bad_mapping"]
    assert got[0]["price"] == Decimal("2.00")
    columns |= {"name": Column(sql="p::double"), "price": Column(sql="p::double + 1")}
    got, _ = run("products", columns, rows)
    assert [row["_reason_code"] for row in got] == [None, "bad_mapping"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("nosuch(name)", "nosuch"),
        ("upper(", "not a SQL expression"),
        ("(select 1)", "more than a computation"),
        ("1) , (2", "more than|not a SQL"),
        ("name from read_csv('x')", "more than|not a SQL"),
    ],
)
def test_an_expression_that_cannot_work_is_named_with_its_place(sql, message):
    columns = {"product_id": "id", "name": "name", "brand": Column(sql=sql)}
    with pytest.raises(ConfigError, match=f"(?s)sources.yaml:3: .*({message})"):
        run("products", columns, [{"id": "1", "name": "a"}])


def test_what_pii_names_cannot_be_stored_under_another_name():
    columns = {"product_id": "id", "name": Column(sql="'for ' || mail")}
    with pytest.raises(ConfigError, match=r"mail.*never stored"):
        run("products", columns, [{"id": "1", "mail": "a@b.de"}], pii=("Mail",))


def test_where_leaves_rows_out_and_keeps_the_doubtful():
    rows = [{"id": str(n), "name": "x", "kind": kind} for n, kind in enumerate(["sale", "gift", None])]
    got, mapped = run("products", {"product_id": "id", "name": "name"}, rows, where="kind = 'sale'")
    assert [row["product_id"] for row in got] == ["0", "2"]
    assert len(mapped.filtered) == 1


def test_typed_sources_keep_their_types_whatever_the_notation_of_texts():
    table = pa.table(
        {
            "d": pa.array([date(2026, 1, 5)]), "c": ["tv"], "k": pa.array([7]), "m": pa.array([1234.5]),
            "n": pa.array([Decimal("3.00")]), "e": pa.array(["EUR"]).dictionary_encode(),
        }
    )  # fmt: skip
    columns = {"spend_date": "d", "channel": "c", "campaign_id": "k", "cost": "m", "currency": "e", "clicks": "n"}
    [row], _ = run("campaign_spend", columns, table, decimal=",")
    assert (row["spend_date"], row["campaign_id"], row["cost"], row["clicks"], row["currency"]) == (
        date(2026, 1, 5), "7", Decimal("1234.50"), 3, "EUR",
    )  # fmt: skip


def test_numbers_that_are_none_are_refused():
    table = pa.table({"l": ["x"], "t": ["2026-01-05T10:00:00Z"], "n": pa.array([float("nan")])})
    columns = {"location_id": "l", "observed_at": "t", "source": "l", "temperature_celsius": "n"}
    [row], _ = run("weather_observations", columns, table)
    assert row["_reason_code"] == "bad_number"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Danke @lindenhof, @shop_de.hilfe!", "Danke [handle], [handle]!"),
        ("Schreib an eva.m@firma.example oder @eva@social.example", "Schreib an [e-mail] oder [handle]"),
        ("Ruf an: +49 (0)341 555-0123, bitte", "Ruf an: [phone], bitte"),
        ("0341 5550123 ist besetzt", "[phone] ist besetzt"),
        ("Jörg.Müller@müller.example!", "[e-mail]!"),
        ("5 Sterne, 100 % zufrieden 2026", "5 Sterne, 100 % zufrieden 2026"),
    ],
)
def test_free_text_is_scrubbed(text, shown):
    columns = {"post_id": "i", "network": "n", "posted_at": "t", "text": "x"}
    [row], _ = run("social_posts", columns, [{"i": "1", "n": "m", "t": "2026-01-05T10:00:00Z", "x": text}])
    assert row["text"] == shown
