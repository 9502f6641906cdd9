"""Days go in whole, in any order, any number of times, and every row that was read is somewhere."""

import random
from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from orchestration.sources.errors import DeliveryError
from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.conftest import KEY, NOW, ORDER_HEADER

DAYS = [date(2026, 3, 27) + timedelta(days=n) for n in range(6)]
PLANTED = "anna.beispiel@post.example"
#: kind -> (fields that differ from a good row, reason code; None = good)
KINDS = {
    "good": ({}, None),
    "no customer": ({"Kunde": "unknown"}, None),
    "east": ({"PLZ": "01067"}, None),
    "negative": ({"Netto": "12,50-"}, None),
    "quoted line break": ({"Status": '"of\nfen"'}, None),
    "no key": ({"Nr": ""}, "missing_key"),
    "no status": ({"Status": " "}, "missing_required"),
    "text amount": ({"Netto": "k.A."}, "bad_number"),
    "english amount": ({"Netto": "1,234.56"}, "bad_number"),
    "no such day": ({"Datum": "31.02.2026 10:00:00"}, "bad_timestamp"),
    "no such hour": ({"Datum": "29.03.2026 02:30:00"}, "nonexistent_local_time"),
    "future": ({"Datum": "01.01.2030 10:00:00"}, "in_future"),
    "clock at zero": ({"Datum": "01.01.1970 01:00:00"}, "epoch_zero"),
    "too short": (None, "malformed_row"),
    "too long": (None, "malformed_row"),
    "open quote": (None, "malformed_row"),
    "bad bytes": ({"Status": "of\udc81fen"}, "bad_encoding"),
}


def torture_day(rng, day):
    """A day's file in cp1252 and what must become of it."""
    answer, lines, ids = Counter(), [], []
    for _ in range(rng.randrange(30, 60)):
        kind = rng.choice(list(KINDS))
        changes, code = KINDS[kind]
        number = f"{day:%m%d}-{len(lines)}"
        row = {
            "Nr": number,
            "Datum": f"{day:%d.%m.%Y} 12:{rng.randrange(60):02}:00",
            "Kunde": PLANTED,
            "PLZ": "10115",
            "Netto": f"{rng.randrange(1, 9)}.{rng.randrange(1000):03},{rng.randrange(100):02}",
            "Status": "grün",
        }
        if kind == "too short":
            lines.append(f"{number};{PLANTED}")
        elif kind == "too long":
            lines.append(";".join([*row.values(), PLANTED]))
        elif kind == "open quote":
            lines.append(f'{number};"{PLANTED};1;2;3;4')
        else:
            lines.append(";".join((row | changes).values()))
        answer[code or "loaded"] += 1
        if code is None:
            ids.append(len(lines) - 1)
    for place in rng.sample(ids, min(3, len(ids))):
        lines.append(lines[place])
        answer["duplicate"] += 1
    return (ORDER_HEADER + "\n".join(lines) + "\n").encode("cp1252", "surrogateescape"), answer


def torture(desk, orders, seed):
    rng = random.Random(seed)
    desk.feeds = {"erp": orders(encoding="cp1252")}
    answers = {}
    for day in DAYS:
        content, answers[day.isoformat()] = torture_day(rng, day)
        desk.write(f"orders_{day:%Y%m%d}.csv", content)
    return answers


def contents(desk):
    """Everything raw holds but the time of the load."""
    return (
        desk.rows("select * exclude (_loaded_at) from raw.orders order by all"),
        desk.rows(
            "select * exclude (first_seen_at, replayed_at), replayed_at is null from raw.quarantine order by all"
        ),
        desk.rows("select * exclude (started_at, finished_at, checked_at, mapping) from raw.load_batches order by all"),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_row_of_a_tortured_feed_is_where_the_answer_key_says(desk, orders, seed):
    answers = torture(desk, orders, seed)
    reports = desk.load("orders", *DAYS)
    assert len(reports) == len(DAYS)
    for report in reports:
        answer = answers[report.window]
        assert report.rows_loaded == answer["loaded"]
        assert report.rows_duplicate == answer["duplicate"]
        assert report.rows_in == answer.total()
    reasons = dict(desk.rows("select reason_code, count(*) from raw.quarantine group by all"))
    expected = sum(answers.values(), Counter())
    assert reasons == {code: n for code, n in expected.items() if code not in ("loaded", "duplicate")}
    assert desk.one("select count(*) from raw.quarantine where reason is null or payload is null") == 0
    assert desk.one("select count(*) from raw.orders") == expected["loaded"]


def test_loading_again_and_in_any_order_gives_the_same_rows(desk, orders):
    torture(desk, orders, 4)
    desk.load("orders", *DAYS)
    first = contents(desk)
    desk.load("orders", *DAYS)
    assert contents(desk) == first
    for day in random.Random(5).sample(DAYS, 3):
        desk.load("orders", day)
    assert contents(desk) == first


def test_no_person_is_written_anywhere(desk, orders):
    torture(desk, orders, 6)
    desk.load("orders", *DAYS)
    data = b"".join(path.read_bytes() for path in (desk.folder / "data").rglob("*") if path.is_file())
    data += b"".join(path.read_bytes() for path in (desk.folder / "dlt").rglob("*") if path.is_file())
    # DuckDB packs texts, so its own answer counts too.
    shown = str(contents(desk))
    for trace in (PLANTED, "anna.beispiel", PLANTED.upper()):
        assert trace.encode() not in data
        assert trace not in shown
    assert pseudonym(PLANTED, KEY) in shown


def test_a_day_sent_again_replaces_the_day_and_its_quarantine(desk, orders):
    desk.feeds = {"erp": orders()}
    first_seen = NOW
    desk.write(
        "orders_20260101.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;x;open\n2;01.01.2026 10:00:00;a;1;y;open\n"
    )
    desk.write("orders_20260102.csv", ORDER_HEADER + "1;02.01.2026 10:00:00;a;01067;5;open\n")
    desk.load("orders", date(2026, 1, 1), date(2026, 1, 2), now=first_seen)
    desk.write(
        "orders_20260101.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;7;open\n2;01.01.2026 10:00:00;a;1;y;open\n"
    )
    desk.load("orders", date(2026, 1, 1), now=first_seen + timedelta(days=1))
    assert desk.rows("select _delivery_date::varchar, net_amount::int from raw.orders order by 1") == [
        ("2026-01-01", 7), ("2026-01-02", 5),
    ]  # fmt: skip
    columns = "row_number, first_seen_at::date, replayed_at::date, outcome"
    assert desk.rows(f"select {columns} from raw.quarantine order by 1") == [
        (1, first_seen.date(), (first_seen + timedelta(days=1)).date(), "delivered again"),
        (2, first_seen.date(), None, None),
    ]  # fmt: skip
    assert desk.one("select count(*) from raw.load_batches") == 2


def test_a_snapshot_replaces_itself_whatever_the_day(desk, orders):
    desk.feeds = {"erp": orders(path="orders.csv")}
    desk.write("orders.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;7;open\n2;01.01.2026 10:00:00;a;1;8;open\n")
    desk.load("orders", date(2026, 1, 1))
    desk.write("orders.csv", ORDER_HEADER + "2;01.01.2026 10:00:00;a;01067;9;open\n")
    desk.load("orders", date(2026, 1, 2))
    assert desk.rows("select order_id, net_amount::int, _delivery_date::varchar from raw.orders") == [
        ("2", 9, "1970-01-01")
    ]


def test_the_last_of_several_rows_with_one_key_wins(desk, orders):
    desk.feeds = {"erp": orders()}
    rows = [f"1;01.01.2026 10:00:00;a;01067;{n};open" for n in range(5)]
    desk.write(
        "orders_20260101.csv", ORDER_HEADER + "\n".join([*rows, "2;01.01.2026 10:00:00;;;1;open", "1;bad;;;1;open"])
    )
    [report] = desk.load("orders")
    assert (report.rows_in, report.rows_loaded, report.rows_duplicate, report.rows_quarantined) == (7, 2, 4, 1)
    assert desk.rows("select order_id, net_amount::int from raw.orders order by 1") == [("1", 4), ("2", 1)]


def test_a_missing_or_broken_day_is_red_and_leaves_the_old_rows(desk, orders):
    desk.feeds = {"erp": orders(), "other": orders(path="x_{day:%Y%m%d}.csv", required=False)}
    good = "1;01.01.2026 10:00:00;a;01067;7;open\n"
    for day in DAYS[:3]:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + good)
    desk.load("orders", *DAYS[:3])
    desk.write(f"orders_{DAYS[0]:%Y%m%d}.csv", ORDER_HEADER + good.replace(";7;", ";8;"))
    desk.write(f"orders_{DAYS[1]:%Y%m%d}.csv", ORDER_HEADER + good.replace(";7;", ";9;") + "2;01.01.2026 1")
    (desk.folder / f"orders_{DAYS[2]:%Y%m%d}.csv").unlink()
    with pytest.raises(DeliveryError) as caught:
        desk.load("orders", *DAYS[:3])
    message = str(caught.value)
    assert f"orders_{DAYS[1]:%Y%m%d}.csv: the last line breaks off" in message
    assert f"orders_{DAYS[2]:%Y%m%d}.csv does not exist" in message
    assert "required: false" in message
    assert "x_2026" not in message
    assert desk.rows("select net_amount::int from raw.orders order by _delivery_date") == [(8,), (7,), (7,)]
    states = desk.rows("select \"window\", state from raw.load_batches where source = 'erp' order by 1, 2")
    assert [state for _, state in states] == ["loaded", "loaded", "truncated", "loaded", "missing"]
    for day in DAYS[:3]:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + good)
    desk.load("orders", *DAYS[:3])
    assert desk.rows("select distinct state from raw.load_batches where source = 'erp'") == [("loaded",)]


def test_four_kinds_of_no_rows_are_told_apart(desk, orders):
    desk.feeds = {"erp": orders(required=False)}
    desk.write(f"orders_{DAYS[0]:%Y%m%d}.csv", "")
    desk.write(f"orders_{DAYS[1]:%Y%m%d}.csv", ORDER_HEADER)
    desk.write(f"orders_{DAYS[2]:%Y%m%d}.csv", ORDER_HEADER + "1;2")
    reports = desk.load("orders", *DAYS[:4])
    assert [report.state for report in reports] == ["empty", "header_only", "truncated", "missing"]
    assert {report.rows_in for report in reports} == {0}


def test_an_empty_day_sent_again_empties_the_day(desk, orders):
    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;7;open\n")
    desk.load("orders")
    desk.write("orders_20260101.csv", ORDER_HEADER)
    desk.load("orders")
    assert desk.one("select count(*) from raw.orders") == 0


def test_from_and_to_limit_the_days_of_a_feed(desk, orders):
    desk.feeds = {"erp": orders(**{"from": DAYS[1], "to": DAYS[2]})}
    for day in DAYS[1:3]:
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER)
    assert [report.window for report in desk.load("orders", *DAYS)] == [day.isoformat() for day in DAYS[1:3]]


def test_times_that_exist_twice_are_reported(desk, orders):
    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + "1;26.10.2025 02:30:00;a;01067;7;open\n")
    [report] = desk.load("orders")
    assert report.rows_ambiguous == 1
    assert desk.one("select ordered_at from raw.orders") == datetime.fromisoformat("2025-10-26T00:30:00+00:00")


def test_what_an_interrupted_load_left_is_no_obstacle(desk, orders, monkeypatch):
    from orchestration.sources import load as module

    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;7;open\n")
    desk.load("orders")
    before = contents(desk)
    desk.write("orders_20260101.csv", ORDER_HEADER + "2;01.01.2026 10:00:00;a;01067;7;open\n")

    def break_off(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("orchestration.sources.replace._write_batches", break_off)
        with pytest.raises(KeyboardInterrupt):
            desk.load("orders")
    assert contents(desk) == before
    with monkeypatch.context() as patch:
        patch.setattr(module, "replace_days", break_off)
        with pytest.raises(KeyboardInterrupt):
            desk.load("orders")
    desk.load("orders")
    assert desk.rows("select order_id from raw.orders") == [("2",)]
    assert desk.rows("select schema_name from duckdb_schemas() where schema_name like 'landing%'") == []


def test_a_count_that_does_not_add_up_loads_nothing(desk, orders, monkeypatch):
    desk.feeds = {"erp": orders()}
    desk.write("orders_20260101.csv", ORDER_HEADER + "1;01.01.2026 10:00:00;a;01067;7;open\n")
    from orchestration.sources import files

    honest = files.read_deliveries

    def forgetful(deliveries, needed):
        for chunk in honest(deliveries, needed):
            yield chunk._replace(table=chunk.table.slice(1))

    monkeypatch.setattr(files, "read_deliveries", forgetful)
    with pytest.raises(AssertionError, match="1 rows read, 0 accounted for"):
        desk.load("orders")
    assert desk.one("select count(*) from raw.load_batches") == 0
