"""Visits against the slow, obvious walk through every visitor's events."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.dbt_project.runner import examples, run_model

TIMEOUT = 1800
START = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)  # 3.5 hours before a midnight of a 23 hour day
moments = st.integers(0, 20_000) | st.integers(0, 11).map(lambda n: n * TIMEOUT)
worlds = st.lists(st.tuples(st.sampled_from("ab"), moments), min_size=1, max_size=60)


def event(number: int, visitor: str, seconds: float, **columns: Any) -> dict[str, Any]:
    row = {
        "event_id": f"e{number:03}",
        "visitor_id": visitor,
        "occurred_at": START + timedelta(seconds=seconds),
        "event_name": "scroll",
        "is_pageview": False,
        "is_interaction": False,
        "is_bot": False,
        "consent_analytics": True,
        "days_late": 0,
        "device_type": "mobile",
    }
    return row | columns


def obvious_visits(world: list[tuple[str, int]]) -> list[tuple[str, int, int, int]]:
    visits: list[list[Any]] = []
    last: dict[str, int] = {}
    for visitor, at in sorted(world):
        if visitor not in last or at - last[visitor] > TIMEOUT:
            visits.append([visitor, at, at, 0])
        visits[-1][2], visits[-1][3] = at, visits[-1][3] + 1
        last[visitor] = at
    return sorted(tuple(visit) for visit in visits)


def modelled_visits(rows: list[dict[str, Any]], **variables: Any) -> list[tuple[str, int, int, int]]:
    frame = run_model("int_web__sessions", variables, stg_web__events=rows)
    return sorted(
        (row.visitor_id, int((row.started_at - START).total_seconds()), int((row.ended_at - START).total_seconds()), n)
        for row, n in zip(frame.itertuples(), frame["event_count"], strict=True)
    )


@examples(60)
@given(worlds, st.randoms(use_true_random=False))
def test_visits_equal_the_obvious_ones_in_any_order_of_arrival(
    world: list[tuple[str, int]], shuffler: random.Random
) -> None:
    rows = [event(i, visitor, at) for i, (visitor, at) in enumerate(world)]
    shuffler.shuffle(rows)
    assert modelled_visits(rows) == obvious_visits(world)


def visits_by_campaign(world: list[tuple[str, int, str | None]]) -> list[tuple[str, int, int, int]]:
    visits: list[list[Any]] = []
    last: dict[str, int] = {}
    signals: dict[str, str] = {}
    moments: dict[tuple[str, int], list[str | None]] = {}
    for visitor, at, signal in world:
        moments.setdefault((visitor, at), []).append(signal)
    for (visitor, at), seen in sorted(moments.items()):
        signal = max((name for name in seen if name), default=None)
        is_turn = signal is not None and signals.get(visitor, signal) != signal
        if visitor not in last or at - last[visitor] > TIMEOUT or is_turn:
            visits.append([visitor, at, at, 0])
        visits[-1][2], visits[-1][3] = at, visits[-1][3] + len(seen)
        last[visitor] = at
        signals[visitor] = signal or signals.get(visitor, "")
        if not signals[visitor]:
            del signals[visitor]
    return sorted(tuple(visit) for visit in visits)


@examples(60)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), moments, st.sampled_from([None, None, "email", "tv"])), min_size=1, max_size=60
    )
)
def test_another_campaign_begins_a_visit_where_that_is_asked_for(world: list[tuple[str, int, str | None]]) -> None:
    rows = [event(i, visitor, at, channel=channel) for i, (visitor, at, channel) in enumerate(world)]
    assert modelled_visits(rows, new_visit_on_campaign=True) == visits_by_campaign(world)


def test_a_gap_of_exactly_the_timeout_belongs_to_the_visit_and_a_microsecond_more_does_not() -> None:
    assert len(modelled_visits([event(1, "a", 0.3), event(2, "a", 0.3 + TIMEOUT)])) == 1
    assert len(modelled_visits([event(1, "a", 0.3), event(2, "a", 0.300001 + TIMEOUT)])) == 2


def test_a_visit_over_midnight_is_one_visit_of_its_first_day() -> None:
    midnight = 3 * 3600
    frame = run_model(
        "int_web__sessions",
        stg_web__events=[
            event(1, "a", midnight - 60, event_date="2026-03-28"),
            event(2, "a", midnight + 60, event_date="2026-03-29"),
        ],
    )
    assert frame["session_date"].tolist() == [date(2026, 3, 28)]


def test_bots_and_too_late_events_are_in_no_visit() -> None:
    rows = [
        event(1, "human", 0),
        event(2, "human", 4000, days_late=4),
        event(3, "declared", 0, is_bot=True),
        *(event(100 + i, "fast", i, is_pageview=True) for i in range(31)),
        *(event(200 + i, "steady", 40 * i, is_pageview=True) for i in range(5)),
    ]
    frame = run_model("int_web__sessions", stg_web__events=rows)
    assert frame["visitor_id"].tolist() == ["human"]
    assert frame["event_count"].tolist() == [1]


def test_reasons_of_bots() -> None:
    rows = [
        event(3, "declared", 0, is_bot=True),
        *(event(100 + i, "fast", i * i / 40, is_pageview=True) for i in range(40)),
        *(event(200 + i, "reader", i * 2.1, is_pageview=True) for i in range(29)),
        *(event(300 + i, "steady", 40 * i, is_pageview=True) for i in range(5)),
        *(event(700 + i, "gone in 20 seconds", i + i % 3 / 7, is_pageview=True) for i in range(20)),
        *(event(800 + i, "one late batch", 90, is_pageview=True) for i in range(20)),
        *(event(400 + i, "four pages", 40 * i, is_pageview=True) for i in range(4)),
        *(event(500 + i, "minute clock", 60 * i, is_pageview=True) for i in range(8)),
        *(event(600 + i, "one batch", 7, is_pageview=True) for i in range(8)),
    ]
    frame = run_model("int_web__bot_visitors", stg_web__events=rows)
    assert dict(zip(frame["visitor_id"], frame["reason"], strict=True)) == {
        "declared": "declared",
        "fast": "too fast",
        "gone in 20 seconds": "too fast",
        "steady": "zero variance dwell",
    }


def test_the_first_signal_of_a_visit_is_its_channel_else_it_is_direct() -> None:
    rows = [
        event(1, "a", 0),
        event(2, "a", 5, channel="email", campaign_id="nl_1"),
        event(3, "a", 9, channel="paid_search", campaign_id="brand"),
        event(4, "b", 0),
        event(5, "c", 0, channel="organic_search"),
        event(6, "c", 9, channel="email", campaign_id="nl_1"),
    ]
    frame = run_model("int_web__sessions", stg_web__events=rows).sort_values("visitor_id")
    assert frame["channel"].tolist() == ["email", "direct", "organic_search"]
    assert frame["campaign_id"].fillna("").tolist() == ["nl_1", "", ""]


def order(order_id: str, seconds: float, **columns: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id,
        "ordered_at": START + timedelta(seconds=seconds),
        "net_amount_eur": 10,
        "is_test": False,
    }
    return row | columns


def test_orders_are_linked_once_by_their_id_else_by_visitor_and_time() -> None:
    rows = [
        event(1, "a", 0, event_name="purchase", order_id="o1", value_eur=99),
        event(2, "a", 9000, event_name="purchase", order_id="o1", value_eur=99),  # the page was opened again
        event(3, "b", 0),
        event(4, "c", 0, event_name="purchase", value_eur=7),
        event(5, "d", 0, event_name="purchase", order_id="test", value_eur=7),
        event(6, "e", 0, event_name="purchase", order_id="web only", value_eur=5),
        event(7, "f", 0),
    ]
    orders = [
        order("o1", 1, visitor_id="a"),
        order("o2", 20, visitor_id="b"),
        order("test", 1, visitor_id="d", is_test=True),
        order("o3", 5000, visitor_id="f"),  # long after the visit
    ]
    frame = run_model("int_web__sessions", stg_web__events=rows, stg_sales__orders=orders)
    frame = frame.sort_values(["visitor_id", "started_at"])
    assert frame["is_converted"].tolist() == [True, False, True, True, False, True, False]
    assert frame["order_id"].fillna("").tolist() == ["o1", "", "o2", "", "", "web only", ""]
    assert [float(value) for value in frame["revenue_eur"]] == [10, 0, 10, 7, 0, 5, 0]


def test_a_visit_without_consent_is_joined_to_no_other() -> None:
    rows = [
        event(1, "a", 0, consent_analytics=False),
        event(2, "a", 9000, consent_analytics=False),
        event(3, "a", 9100, consent_analytics=True),
        event(4, "a", 20000, consent_analytics=True),
    ]
    frame = run_model("int_web__sessions", stg_web__events=rows).sort_values("started_at")
    first, second, third = frame["person_id"]
    assert second == third
    assert first != second
    assert frame["visitor_type"].tolist() == ["new", "new", "returning"]
