"""The map against journeys walked by hand: every move counted once, in every window and segment it belongs to."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from tests.dbt_project.runner import run_model

START = datetime(2026, 4, 1, tzinfo=UTC)
AS_OF = date(2026, 4, 30)
WINDOWS = {"last_28_days": date(2026, 4, 3), "all": date(2026, 1, 1)}
NODES = {
    "view_item": "product_view",
    "add_to_cart": "add_to_cart",
    "begin_checkout": "checkout",
    "add_payment_info": "checkout",
}


def world(rng: random.Random, journeys: int) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for j in range(journeys):
        name, steps = f"j{j:02}", rng.randint(1, 4)
        is_converted = rng.random() < 0.5
        hours = sorted(rng.randint(0, 200) for _ in range(steps))
        end = START + timedelta(hours=hours[-1] + rng.randint(0, 3))
        rows["int_journeys__journeys"].append(
            {
                "journey_id": name,
                "person_id": f"p{j % 7}",
                "conversion_id": name if is_converted else None,
                "is_converted": is_converted,
                "ended_at": end,
                "end_date": date(2026, 4, 30) - timedelta(days=rng.choice([0, 5, 27, 28, 50])),
                "device_type": rng.choice(["mobile", "desktop", None]),
                "visitor_type": rng.choice(["new", "returning"]),
            }
        )
        for i, hour in enumerate(hours):
            session = f"{name}s{i}" if rng.random() < 0.7 else None
            rows["int_journeys__steps"].append(
                {
                    "journey_id": name,
                    "step_number": i + 1,
                    "channel": rng.choice(["email", "direct", "store"]),
                    "occurred_at": START + timedelta(hours=hour),
                    "session_id": session,
                }
            )
            for number in range(rng.randint(0, 6) if session else 0):
                rows["int_web__events"].append(
                    {
                        "session_id": session,
                        "event_number": number + 1,
                        "event_name": rng.choice([*NODES, "page_view", "purchase"]),
                        "occurred_at": START + timedelta(hours=hour, minutes=20 * number + 1),
                    }
                )
    return rows


def obvious_moves(rows: dict[str, list[dict[str, Any]]]) -> list[tuple[dict[str, Any], str, str, float | None]]:
    moves = []
    for journey in rows["int_journeys__journeys"]:
        stops = []
        for step in rows["int_journeys__steps"]:
            if step["journey_id"] != journey["journey_id"]:
                continue
            stops.append((step["occurred_at"], step["step_number"], 0, step["channel"]))
            reached = {}
            for event in rows["int_web__events"]:
                if event["session_id"] == step["session_id"] and event["event_name"] in NODES:
                    reached.setdefault(NODES[event["event_name"]], event)
            for node, event in reached.items():
                if not journey["is_converted"] or event["occurred_at"] <= journey["ended_at"]:
                    stops.append((event["occurred_at"], step["step_number"], event["event_number"], node))
        way: list[tuple[datetime | None, str]] = [(when, node) for when, _, _, node in sorted(stops)]
        end = (journey["ended_at"], "conversion") if journey["is_converted"] else (None, "null")
        for (before, here), (after, there) in pairwise([(None, "start"), *way, end]):
            gap = (after - before).total_seconds() if before and after else None
            moves.append((journey, here, there, gap))
    return moves


def two_digits(seconds: float) -> float:
    return float(f"{seconds:.1e}") if seconds >= 100 else round(seconds)


def segments(journey: dict[str, Any]) -> list[str]:
    device = [f"device={journey['device_type']}"] if journey["device_type"] else []
    return ["all", f"visitor={journey['visitor_type']}", *device]


@pytest.mark.parametrize("seed", range(5))
def test_edges_and_nodes_are_those_of_the_walk(seed: int) -> None:
    rows = world(random.Random(seed), 40)
    frames: dict[str, Any] = dict(rows) | {
        "int_calendar__as_of": [{"as_of_date": AS_OF}],
        "int_journeys__windows": [
            {"window_name": name, "window_start": start, "window_end": AS_OF} for name, start in WINDOWS.items()
        ],
    }
    gaps: dict[tuple[str, str, str, str], list[float | None]] = defaultdict(list)
    passed: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for journey, here, there, gap in obvious_moves(rows):
        for window, start in WINDOWS.items():
            for segment in segments(journey) if start <= journey["end_date"] <= AS_OF else []:
                gaps[window, segment, here, there].append(gap)
                passed[window, segment, there].append(journey)
                if here == "start":
                    passed[window, segment, "start"].append(journey)

    edges = run_model("fct_journey_edges", **frames)
    assert {(e.window_name, e.segment, e.from_node, e.to_node): e.n for e in edges.itertuples()} == {
        key: len(values) for key, values in gaps.items()
    }
    for edge in edges.itertuples():
        known = [gap for gap in gaps[edge.window_name, edge.segment, edge.from_node, edge.to_node] if gap is not None]
        if known:
            assert edge.median_gap_seconds == median(two_digits(gap) for gap in known)
            assert edge.median_gap_seconds == pytest.approx(median(known), rel=0.05, abs=0.5)
        out = sum(n for key, n in ((k, len(v)) for k, v in gaps.items()) if key[:3] == (edge[1], edge[4], edge[5]))
        assert edge.probability == pytest.approx(edge.n / out)

    nodes = run_model("fct_journey_nodes", int_journeys__touchpoints=[], **frames)
    assert {(n.window_name, n.segment, n.node): (n.n, n.journeys, n.persons) for n in nodes.itertuples()} == {
        key: (len(js), len({j["journey_id"] for j in js}), len({j["person_id"] for j in js}))
        for key, js in passed.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_map_funnel_and_drop_offs_count_the_same_moves(seed: int) -> None:
    rows = world(random.Random(seed), 60)
    frames: dict[str, Any] = dict(rows) | {
        "int_calendar__as_of": [{"as_of_date": AS_OF}],
        "int_journeys__windows": [
            {"window_name": name, "window_start": start, "window_end": AS_OF} for name, start in WINDOWS.items()
        ],
    }
    phases = {"product_view": 3, "add_to_cart": 4, "checkout": 5}
    reached: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    ends: dict[tuple[str, str, str], int] = defaultdict(int)
    dropped: dict[tuple[str, str, str, str], int] = defaultdict(int)
    for journey, here, there, _ in obvious_moves(rows):
        for window, start in WINDOWS.items():
            for segment in segments(journey) if start <= journey["end_date"] <= AS_OF else []:
                reached[window, segment, here].add(journey["journey_id"])
                reached[window, segment, there].add(journey["journey_id"])
                ends[window, segment, here] += there == "null"
                onwards = there == "conversion" or phases.get(there, 0) > phases.get(here, 9)
                if here in phases and not onwards:
                    dropped[window, segment, here, there] += 1
    funnel = run_model("rpt_journey_funnel", int_journeys__touchpoints=[], **frames)
    stages = {"start", "conversion", *phases}
    assert {(f.window_name, f.segment, f.node): f.journeys for f in funnel.itertuples()} == {
        key: len(journeys) for key, journeys in reached.items() if key[2] in stages
    }
    for stage in funnel.itertuples():
        assert stage.moves_to_null == ends[stage.window_name, stage.segment, stage.node]
        assert stage.share_of_start == stage.journeys / len(reached[stage.window_name, stage.segment, "start"])
        assert stage.share_of_start_low <= stage.share_of_start <= stage.share_of_start_high
    listed = run_model("rpt_journey_dropoffs", int_journeys__touchpoints=[], **frames)
    assert {(d.window_name, d.segment, d.node, d.went_to): d.n for d in listed.itertuples()} == dropped
    assert set(listed.loc[listed["went_to"] == "null", "outcome"]) == {"lost"}
    assert set(listed.loc[listed["went_to"].isin(["email", "direct", "store"]), "outcome"]) == {"came back"}


def test_a_product_seen_after_the_order_is_no_part_of_the_way_to_it() -> None:
    ordered = START + timedelta(minutes=30)
    moves = run_model(
        "int_journeys__map_moves",
        int_journeys__journeys=[
            {"journey_id": "j", "conversion_id": "o", "is_converted": True, "ended_at": ordered, "end_date": AS_OF}
        ],
        int_journeys__steps=[
            {"journey_id": "j", "step_number": 1, "channel": "email", "occurred_at": START, "session_id": "s"}
        ],
        int_web__events=[
            {"session_id": "s", "event_number": n, "event_name": name, "occurred_at": START + timedelta(minutes=minute)}
            for n, (name, minute) in enumerate([("view_item", 1), ("begin_checkout", 20), ("add_to_cart", 40)])
        ],
    ).sort_values("move_number")
    assert moves["to_node"].tolist() == ["email", "product_view", "checkout", "conversion"]
    assert moves["gap_seconds"].tolist()[1:] == [60, 19 * 60, 10 * 60]
