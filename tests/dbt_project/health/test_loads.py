"""What the books say of a feed: four kinds of no rows, what waits aside, and what is still in use."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.dbt_project.runner import run_model

FIRST = date(2026, 3, 1)
MOMENT = datetime(2026, 3, 6, 5, tzinfo=UTC)


def batch(day: int | None, state: str = "loaded", rows: int = 0, **columns: Any) -> dict[str, Any]:
    window = "snapshot" if day is None else (FIRST + timedelta(days=day)).isoformat()
    row = {
        "batch_id": f"erp:{window}:{columns.get('file_name', 'f')}:{state}", "source": "erp", "entity": "orders",
        "started_at": MOMENT, "finished_at": MOMENT, "checked_at": MOMENT, "rows_in": rows, "rows_loaded": rows,
        "rows_quarantined": 0, "rows_duplicate": 0, "file_name": "f", "window": window, "state": state,
        "rows_filtered": 0, "rows_ambiguous": 0,
    }  # fmt: skip
    return row | columns


def rejected(number: int, code: str = "bad_number", day: int = 0, **columns: Any) -> dict[str, Any]:
    window = (FIRST + timedelta(days=day)).isoformat()
    row = {
        "batch_id": f"erp:{window}:f:loaded", "source": "erp", "entity": "orders", "window": window,
        "row_number": number,
        "payload": f'{{"Nr":"{number}","Netto":"x","_personal":{{"customer_key":"0123abcd"}}}}', "reason_code": code,
        "reason": f"{number} is wrong", "first_seen_at": MOMENT,
    }  # fmt: skip
    return row | columns


def freshness(batches: list[dict[str, Any]], **frames: Any) -> dict[str, Any]:
    orders = [{
        "order_id": "1", "ordered_at": MOMENT, "net_amount": 1, "currency": "EUR", "status": "open", "_source": "erp",
        "_delivery_date": FIRST + timedelta(days=5), "_row_number": 1, "_loaded_at": MOMENT,
    }]  # fmt: skip
    (row,) = run_model("rpt_data_freshness", load_batches=batches, orders=orders, **frames).to_dict("records")
    return row


def test_four_kinds_of_no_rows_stay_four() -> None:
    lost = {"problem": "f does not exist; deliver it", "finished_at": MOMENT}
    row = freshness(
        [
            batch(0, rows=10), batch(1, "empty"), batch(2, "header_only"), batch(3, "truncated", problem="breaks off"),
            batch(4, "missing", **lost), batch(5, rows=5),
        ]
    )  # fmt: skip
    assert [row[f"days_{state}"] for state in ("empty", "header_only", "truncated", "absent", "drifted")] == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert (row["days_missing"], row["rows_loaded"], row["last_state"], row["status"]) == (2, 15, "loaded", "missing")
    assert row["problem"] == "f does not exist; deliver it"
    states = run_model(
        "rpt_delivery_states", load_batches=[batch(1, "empty"), batch(4, "missing", **lost), batch(5, rows=5)]
    )
    assert dict(zip(states["state"], states["problem"].isna(), strict=True)) == {"empty": True, "missing": False}


def test_a_day_that_could_not_be_loaded_again_keeps_what_it_had() -> None:
    day = [batch(5, rows=7), batch(5, "truncated", problem="breaks off; deliver it again")]
    row = freshness(day)
    assert (row["rows_loaded"], row["last_state"], row["status"]) == (7, "truncated", "damaged")
    (state,) = run_model("rpt_delivery_states", load_batches=day).to_dict("records")
    assert (state["has_earlier_rows"], state["rows_loaded"]) == (True, 7)


def test_all_files_of_a_day_count() -> None:
    row = freshness(
        [batch(5, rows=7, file_name="a"), batch(5, rows=5, file_name="b"), batch(5, "empty", file_name="c")]
    )
    assert (row["rows_loaded"], row["days_empty"], row["last_state"]) == (12, 0, "loaded")


def test_what_waits_is_told_from_what_came_in_and_shows_no_person() -> None:
    rows = [
        rejected(1), rejected(2, replayed_at=MOMENT, outcome="replayed"),
        rejected(3, "too_late"), rejected(4, "too_late", replayed_at=MOMENT, outcome="delivered again"),
    ]  # fmt: skip
    row = freshness([batch(5, rows=7)], quarantine=rows)
    assert (row["rows_waiting"], row["rows_too_late"], row["status"]) == (2, 1, "quarantined rows")
    reasons = run_model("rpt_quarantine", quarantine=rows).set_index("reason_code")
    bad = reasons.loc["bad_number"]
    assert (bad["rows"], bad["rows_waiting"], bad["rows_replayed"]) == (2, 1, 1)
    assert (bad["example_reason"], bad["example_payload"]) == ("1 is wrong", '{"Nr":"1","Netto":"x"}')


def test_events_kept_aside_as_too_late_are_counted_on_their_delivery_day() -> None:
    events = [{
        "event_id": "e", "occurred_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "event_name": "page_view",
        "visitor_id": "v",
        "_source": "web", "_delivery_date": FIRST, "_row_number": 1,
    }]  # fmt: skip
    aside = [rejected(n, "too_late", entity="web_events") for n in range(3)]
    (row,) = run_model("rpt_traffic_quality_daily", web_events=events, quarantine=aside).to_dict("records")
    assert (row["events"], row["too_late_events"]) == (1, 3)
