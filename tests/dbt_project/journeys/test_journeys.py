"""Journeys against the slow, obvious walk along every person's time line."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dbt_project.runner import examples, run_model

START = datetime(2026, 3, 20, tzinfo=UTC)  # the clock change lies inside the look-back
PERSONS = "abcd"
CHANNELS = ("direct", "email", "paid_search")
# Half days, so that ties, exact look-backs and exact inactivity limits all happen.
contacts = st.tuples(st.sampled_from(PERSONS), st.integers(0, 200), st.sampled_from(CHANNELS))
orders = st.tuples(st.sampled_from(PERSONS), st.integers(0, 200))
worlds = st.tuples(st.lists(contacts, max_size=60), st.lists(orders, max_size=10))

World = tuple[list[tuple[str, int, str]], list[tuple[str, int]]]
Journey = tuple[str, str, str | None, tuple[str, ...]]


def at(half_days: float) -> datetime:
    return START + timedelta(hours=12 * half_days)


def touchpoint(touchpoint_id: str, person: str, half_days: float, channel: str, **columns: Any) -> dict[str, Any]:
    row = {
        "touchpoint_id": touchpoint_id,
        "person_id": person,
        "person_bucket": 1,
        "occurred_at": at(half_days),
        "touchpoint_date": at(half_days).date(),
        "touchpoint_type": "visit",
        "channel": channel,
        "is_path_contact": True,
    }
    return row | columns


def conversion(order_id: str, person: str, half_days: float, **columns: Any) -> dict[str, Any]:
    row = {
        "conversion_id": order_id,
        "order_id": order_id,
        "person_id": person,
        "person_bucket": 1,
        "converted_at": at(half_days),
        "conversion_date": at(half_days).date(),
        "sales_channel": "store",
        "revenue_eur": 10,
        "margin_eur": 4,
    }
    return row | columns


def obvious_journeys(world: World, lookback: int, inactivity: int) -> list[Journey]:
    """Walk each person's contacts and orders in order; limits in half days."""
    timeline = [(person, when, 0, f"t{i:02}", channel) for i, (person, when, channel) in enumerate(world[0])]
    timeline += [(person, when, 1, f"o{i}", "") for i, (person, when) in enumerate(world[1])]
    journeys: list[Journey] = []
    for person in PERSONS:
        run: list[tuple[int, str, str]] = []

        def lost(part: list[tuple[int, str, str]], person: str = person) -> None:
            if part:
                journeys.append((f"lost:{part[0][1]}", person, None, tuple(channel for _, _, channel in part)))

        for _, when, is_order, name, channel in sorted(entry for entry in timeline if entry[0] == person):
            if run and when - run[-1][0] > inactivity:
                lost(run)
                run = []
            if not is_order:
                run.append((when, name, channel))
                continue
            lost([contact for contact in run if when - contact[0] > lookback])
            path = tuple(channel for at_, _, channel in run if when - at_ <= lookback) or ("store",)
            journeys.append((f"order:{name}", person, name, path))
            run = []
        lost(run)
    return sorted(journeys)


def rows_of(world: World, shuffler: random.Random) -> dict[str, list[dict[str, Any]]]:
    rows = {
        "int_journeys__touchpoints": [touchpoint(f"t{i:02}", *contact) for i, contact in enumerate(world[0])],
        "int_sales__conversions": [conversion(f"o{i}", *order) for i, order in enumerate(world[1])],
    }
    for table in rows.values():
        shuffler.shuffle(table)
    return rows


@pytest.mark.parametrize(("lookback_days", "inactivity_days"), [(30, 30), (20, 5)])
def test_journeys_equal_the_obvious_ones_in_any_order_of_arrival(lookback_days: int, inactivity_days: int) -> None:
    variables = {"lookback_days": lookback_days, "inactivity_days": inactivity_days}
    variables = {name: value for name, value in variables.items() if value != 30}  # the project's own value

    @examples(50)
    @given(worlds, st.randoms(use_true_random=False))
    def check(world: World, shuffler: random.Random) -> None:
        frame = run_model("int_journeys__journeys", variables, **rows_of(world, shuffler))
        modelled = sorted(
            (row.journey_id, row.person_id, row.conversion_id or None, tuple(row.path))
            for row in frame.astype({"conversion_id": object}).where(frame.notna(), None).itertuples()
        )
        assert modelled == obvious_journeys(world, 2 * lookback_days, 2 * inactivity_days)
        assert frame["touchpoint_count"].sum() == len(world[0])  # every contact is in exactly one journey

    check()


def test_ties_are_decided_by_id_and_contacts_come_before_the_order() -> None:
    frame = run_model(
        "int_journeys__journeys",
        int_journeys__touchpoints=[touchpoint("t2", "a", 4, "email"), touchpoint("t1", "a", 4, "direct")],
        int_sales__conversions=[conversion("o1", "a", 4), conversion("o0", "a", 4)],
    ).sort_values("journey_id")
    assert [list(path) for path in frame["path"]] == [["direct", "email"], ["store"]]
    assert frame["conversion_id"].tolist() == ["o0", "o1"]


def test_an_order_without_a_contact_came_through_its_visit_else_through_its_sales_channel() -> None:
    frame = run_model(
        "int_journeys__steps",
        int_journeys__touchpoints=[],
        int_sales__conversions=[
            conversion("o1", "a", 1, sales_channel="web"),
            conversion("o2", "b", 1, sales_channel="web"),
            conversion("o3", "c", 1, sales_channel="phone"),
            conversion("o4", "d", 1, sales_channel="market stall"),
        ],
        int_web__session_orders=[{"session_id": "s1", "order_id": "o1"}],
        int_web__sessions=[
            {"session_id": "s1", "channel": "email", "campaign_id": "nl_1", "device_type": "mobile"}
            | {"consent_analytics": True}
        ],
    ).sort_values("journey_id")
    assert frame["channel"].tolist() == ["email", "direct", "call_centre", "other"]
    assert frame["campaign_id"].fillna("").tolist() == ["nl_1", "", "", ""]


def test_an_order_in_a_visit_without_consent_carries_its_channel_and_the_visit_stays_unknown() -> None:
    def visit(session_id: str, person: str, half_days: float, consent: bool) -> dict[str, Any]:
        return {
            "session_id": session_id,
            "person_id": person,
            "started_at": at(half_days),
            "session_date": at(half_days).date(),
            "channel": "paid_search",
            "device_type": "mobile",
            "consent_analytics": consent,
        }

    frame = run_model(
        "int_journeys__journeys",
        int_web__sessions=[
            visit("s0", "a", 1, True),
            visit("s1", "visit s1", 4, False),
            visit("s2", "visit s2", 5, False),
            visit("s3", "visit s3", 6, False),
        ],
        int_web__session_orders=[
            {"session_id": "s1", "order_id": "o1"},
            {"session_id": "s2", "order_id": "cancelled"},
        ],
        int_sales__conversions=[conversion("o1", "a", 4, person_bucket=77)],  # the bucket of person a
    ).sort_values("journey_id")
    assert frame["journey_id"].tolist() == ["lost:visit:s2", "lost:visit:s3", "order:o1"]
    assert list(frame["path"].iloc[2]) == ["paid_search", "paid_search"]
    assert frame["touchpoint_count"].tolist() == [1, 1, 1]


def test_what_is_no_path_contact_is_in_no_journey() -> None:
    frame = run_model(
        "int_journeys__journeys",
        int_journeys__touchpoints=[
            touchpoint("t1", "a", 1, "email", is_path_contact=False),
            touchpoint("t2", "a", 2, "direct"),
        ],
    )
    assert [list(path) for path in frame["path"]] == [["direct"]]


def test_open_journeys_devices_and_first_journeys() -> None:
    frame = run_model(
        "int_journeys__journeys",
        int_calendar__as_of=[{"as_of_date": at(100).date()}],
        int_journeys__touchpoints=[
            touchpoint("t1", "a", 0, "email", device_type="desktop"),
            touchpoint("t2", "a", 2, "email", device_type="mobile"),
            touchpoint("t3", "a", 3, "catalog", touchpoint_type="catalog_drop"),
            touchpoint("t4", "a", 90, "catalog", touchpoint_type="catalog_drop"),
        ],
    ).sort_values("started_at")
    assert frame["is_open"].tolist() == [False, True]
    assert frame["device_type"].fillna("none").tolist() == ["mobile", "none"]
    assert frame["visitor_type"].tolist() == ["new", "returning"]
    assert frame["visit_count"].tolist() == [2, 0]
    assert frame["duration_seconds"].tolist() == [36 * 3600, 0]


def test_a_visit_speaks_to_the_deepest_phase_of_its_events() -> None:
    frame = run_model(
        "int_web__visits",
        int_web__events=[
            {"session_id": "s1", "event_name": "page_view", "page_type": "home"},
            {"session_id": "s1", "event_name": "add_to_cart", "page_type": "product"},
            {"session_id": "s1", "event_name": "view_item", "page_type": "product"},
        ],
    )
    assert frame["phase"].tolist() == [4]


def test_touchpoints_join_every_kind_of_contact() -> None:
    frame = run_model(
        "int_journeys__touchpoints",
        int_calendar__as_of=[{"as_of_date": at(20).date()}],
        int_web__sessions=[
            {"session_id": "s1", "person_id": "p1", "started_at": at(1), "channel": "email", "device_type": "mobile"}
            | {"consent_analytics": True, "phase": 4}
        ],
        int_identity__customers=[{"customer_key": "c1", "person_id": "p1"}],
        int_identity__visitors=[{"visitor_id": "v2", "person_id": "p2"}],
        stg_marketing__touchpoints=[
            {"touchpoint_id": "1", "occurred_at": at(2), "touchpoint_type": "call", "customer_key": "c1"},
            {"touchpoint_id": "2", "occurred_at": at(2), "touchpoint_type": "chat", "visitor_id": "v2"},
            {"touchpoint_id": "3", "occurred_at": at(2), "touchpoint_type": "newsletter_sent", "customer_key": "c1"},
            {"touchpoint_id": "4", "occurred_at": at(2), "touchpoint_type": "billboard", "channel": "tv"},
        ],
        stg_marketing__mailings=[
            {"mailing_id": "m", "customer_key": "c1", "arm": arm, "dropped_at": at(day), "dropped_date": at(day).date()}
            | {"unit_cost_eur": 2}
            for arm, day in (("catalog", 3), ("holdout", 3), ("catalog_followup", 30))
        ],
    )
    rows = frame.set_index("touchpoint_id")
    assert Counter(rows["touchpoint_type"]) == Counter(
        ["visit", "call", "chat", "newsletter_sent", "billboard", "catalog_drop"]
    )
    assert rows.loc["visit:s1", ["person_id", "channel", "phase", "device_type"]].tolist() == [
        "p1",
        "email",
        4,
        "mobile",
    ]
    assert rows.loc["contact:1", ["person_id", "channel", "phase", "direction"]].tolist() == [
        "p1",
        "call_centre",
        3,
        "inbound",
    ]
    assert rows.loc["contact:2", "person_id"] == "p2"
    assert rows.loc["contact:4", "person_id"] not in ("p1", "p2")
    assert rows.loc["contact:4", "channel"] == "tv"
    assert float(rows.loc["mailing:m:c1", "cost_eur"]) == 2
    assert rows["is_path_contact"].to_dict() == {name: name != "contact:3" for name in rows.index}
