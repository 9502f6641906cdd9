"""The four parameters against the slow, obvious walk through every visit."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_project.cji.worlds import START, Visit, frames, is_page
from tests.dbt_project.runner import run_model

AS_OF = 26  # within the first month of the data, which is measured by itself

#: Event name and page type -> base phase of journey6; None inherits.
OBVIOUS_PHASES = {
    ("page_view", "home"): 1,
    ("page_view", "configurator"): 1,
    ("view_item_list", "list"): 2,
    ("view_item", "product"): 3,
    ("view_cart", "basket"): 4,
    ("add_to_cart", "product"): 4,
    ("begin_checkout", "checkout"): 5,
    ("purchase", "confirmation"): 5,
    ("order_status", "order_status"): 6,
    ("page_view", "account"): None,
    ("user_engagement", "product"): 3,
    ("user_engagement", None): None,
    ("scroll", None): None,
    ("login", None): None,
}
RANGES = {1: (2, 6), 2: (3, 6), 3: (4, 6), 4: (5, 5)}
COMEBACK_DAYS = {1: 7, 2: 7, 3: 7, 4: 7, 5: 7, 6: 30}


def obvious_page_times(visits: list[Visit]) -> tuple[dict[str, float], Any]:
    gaps: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for visit in visits:
        for now, after in zip(visit.events, visit.events[1:], strict=False):
            gaps[now[2] or ""].append((visit.device, after[0] - now[0]))
    cuts = {page: float(np.percentile([gap for _, gap in found], 99)) for page, found in gaps.items()}
    cut_gaps = [(page, device, min(gap, cuts[page])) for page, found in gaps.items() for device, gap in found]

    def median(page: str, device: str) -> float:
        for wanted in (
            [gap for p, d, gap in cut_gaps if (p, d) == (page, device)],
            [gap for p, _, gap in cut_gaps if p == page],
            [gap for _, _, gap in cut_gaps],
        ):
            if wanted:
                return max(float(np.median(wanted)), 1.0)
        return 1.0

    return cuts, median


def obvious_parameters(visits: list[Visit]) -> dict[int, dict[str, float]]:
    """Sums of journey6 phases 1 to 5 over all visits, the slow way."""
    cuts, median = obvious_page_times(visits)
    sums: dict[int, dict[str, float]] = {phase: defaultdict(float) for phase in range(1, 6)}
    by_person: dict[str, list[Visit]] = defaultdict(list)
    for visit in sorted(visits, key=lambda v: v.started_at):
        by_person[visit.person].append(visit)
    for visit in visits:
        phase, seen, pages = 1, defaultdict(float), defaultdict(int)
        measured = 0.0
        has_pings = sum(event[3] or 0 for event in visit.events) > 0
        for position, (seconds, name, page, engaged) in enumerate(visit.events):
            phase = OBVIOUS_PHASES[name, page] or phase
            pages[phase] += is_page(name)
            if has_pings:
                seen[phase] += engaged or 0
                measured += engaged or 0
            elif position + 1 < len(visit.events):
                gap = min(visit.events[position + 1][0] - seconds, cuts[page or ""])
                seen[phase] += gap
                measured += gap
            else:
                seen[phase] += median(page or "", visit.device)
        has_time = has_pings or sum(pages.values()) > 1
        is_micro = any(event[1] == "login" for event in visit.events)
        later = [other for other in by_person[visit.person] if other.started_at > visit.started_at]
        for p in range(1, 6):
            if p > 1 and p not in pages:
                continue
            if p == 5:
                progressed = visit.is_converted
            else:
                progressed = any(RANGES[p][0] <= q <= RANGES[p][1] for q in pages)
                progressed |= p == 1 and (measured >= 10 or is_micro)
            row = sums[p]
            row["visits_n"] += 1
            row["visits_sum"] += progressed
            if progressed or p <= 3:
                if has_time:
                    row["time_n"] += 1
                    row["time_sum"] += math.log(max(seen.get(p, 0.0), 1.0))
                if pages.get(p):
                    row["pageviews_n"] += 1
                    row["pageviews_sum"] += math.log(pages[p])
            days = COMEBACK_DAYS[p]
            known_on = (visit.ended_at + timedelta(hours=1)).date() + timedelta(days=days)  # Berlin in winter
            if phase == p and not visit.is_converted and known_on <= START + timedelta(days=AS_OF):
                row["comeback_n"] += 1
                gap_to_next = min((other.started_at - visit.ended_at for other in later), default=timedelta(days=999))
                row["comeback_sum"] += gap_to_next <= timedelta(days=days)
    return sums


names = st.sampled_from(list(OBVIOUS_PHASES))
steps = st.lists(st.tuples(st.integers(0, 400), names, st.none() | st.integers(0, 40)), min_size=1, max_size=6)


@st.composite
def worlds(draw: st.DrawFn) -> list[Visit]:
    visits = []
    for number in range(draw(st.integers(2, 7))):
        at, events = 0.0, []
        with_pings = draw(st.booleans())
        for gap, (name, page), engaged in draw(steps):
            events.append((at, name, page, engaged if with_pings else None))
            at += gap
        visits.append(
            Visit(
                day=draw(st.integers(0, AS_OF)),
                person=draw(st.sampled_from("abc")),
                events=events,
                second=number * 3000,  # visits of one person never begin together
                device=draw(st.sampled_from(["mobile", "desktop"])),
                is_converted=any(event[1] == "purchase" for event in events),
                bucket=draw(st.integers(0, 3)),
            )
        )
    return visits


def is_known(rows: pd.DataFrame) -> pd.Series:
    """Days to come hold what is not known yet."""
    return pd.to_datetime(rows["known_on"]).le(pd.Timestamp(START + timedelta(days=AS_OF)))


def modelled(visits: list[Visit]) -> dict[int, dict[str, float]]:
    # Given empty, they need not be rebuilt for every world.
    empty: dict[str, Any] = {"int_web__session_orders": [], "int_sales__conversions": [], "int_cji__buyers": []}
    rows = run_model("int_cji__daily_sums", **frames(visits, AS_OF), **empty)
    rows = rows[is_known(rows)]
    rows = rows[rows["phase_model"].eq("journey6") & rows["phase"].lt(6)]
    sums = rows.groupby("phase")[
        [f"{name}_{part}" for name in ("time", "pageviews", "visits", "comeback") for part in ("n", "sum")]
    ].sum()
    sums[["time_sum", "pageviews_sum"]] /= 1e6
    return sums.to_dict("index")


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_sums_equal_the_obvious_ones(visits: list[Visit]) -> None:
    found, expected = modelled(visits), obvious_parameters(visits)
    for phase in range(1, 6):
        row = found.get(phase, {})
        for name, value in expected[phase].items():
            assert row.get(name, 0) == pytest.approx(value, abs=1e-4), (phase, name)
        assert row.get("visits_n", 0) == expected[phase]["visits_n"]


def page(at: float, name: str = "page_view", kind: str | None = "home") -> tuple[float, str, str | None, float | None]:
    return (at, name, kind, None)


def phase_rows(visits: list[Visit], phase: int, model: str = "journey6") -> Any:
    rows = run_model("int_cji__visit_phases", **frames(visits, AS_OF))
    return rows[rows["phase_model"].eq(model) & rows["phase"].eq(phase)].sort_values("session_id")


def test_a_single_page_without_pings_counts_for_visits_and_pages_but_not_for_time() -> None:
    visits = [
        Visit(0, "a", [page(0)]),
        Visit(1, "b", [(0, "page_view", "home", 7.0)]),
        Visit(2, "c", [page(0), page(20, kind="home")]),
    ]
    rows = phase_rows(visits, 1)
    assert rows["page_views"].tolist() == [1, 1, 2]
    assert rows["phase_seconds"].isna().tolist() == [True, False, False]
    assert rows["phase_seconds"].tolist()[1:] == [7.0, 40.0]  # 20 measured, 20 for the last page: the median
    assert rows["imputed_seconds"].tolist()[1:] == [0.0, 20.0]


def test_a_short_look_is_no_progress_ten_active_seconds_or_a_micro_conversion_are() -> None:
    visits = [
        Visit(0, "a", [(0, "page_view", "home", 9.9)]),
        Visit(1, "b", [(0, "page_view", "home", 10.0)]),
        Visit(2, "c", [page(0), page(2, "login", None)]),
        Visit(3, "d", [page(0), page(1, "view_item", "product")]),
    ]
    assert phase_rows(visits, 1)["is_progressed"].tolist() == [False, True, True, True]


def test_phases_may_be_skipped_and_landing_on_a_product_is_consideration() -> None:
    visits = [Visit(0, "a", [page(0, "view_item", "product"), page(5, "begin_checkout", "checkout")])]
    rows = run_model("int_cji__visit_phases", **frames(visits))
    rows = rows[rows["phase_model"].eq("journey6")].set_index("phase")
    assert sorted(rows.index) == [1, 3, 5]
    assert rows["is_progressed"].to_dict() == {1: True, 3: True, 5: False}


def test_comeback_waits_until_it_can_be_known() -> None:
    week = 7
    visits = [
        Visit(0, "a", [page(0)], key="back in time"),
        Visit(7, "a", [page(0)], second=36_000, key="exactly a week"),
        Visit(15, "a", [page(0)], second=36_001, key="too late for the one before"),
        Visit(AS_OF - week + 1, "b", [page(0)], key="too young"),
    ]
    rows = run_model("int_cji__daily_sums", **frames(visits, AS_OF))
    rows = rows[rows["phase_model"].eq("journey6") & rows["phase"].eq(1) & rows["comeback_n"].gt(0) & is_known(rows)]
    assert [day.day for day in rows.sort_values("known_on")["known_on"]] == [12, 19, 27]
    assert rows.sort_values("known_on")["comeback_sum"].tolist() == [1, 0, 0]


def test_the_published_windows_overlap_but_count_a_visit_once_each() -> None:
    visits = [
        Visit(0, "a", [page(0), page(30, "view_cart", "basket"), page(60, "begin_checkout", "checkout")]),
        Visit(
            1, "b", [page(0), page(30, "view_cart", "basket"), page(60, "purchase", "confirmation")], is_converted=True
        ),
    ]
    rows = run_model("int_cji__visit_phases", **frames(visits))
    rows = rows[rows["phase_model"].eq("akanoo2018")]
    progress = rows.groupby("phase")["is_progressed"].agg(["size", "sum"]).to_dict("index")
    assert progress[1] == {"size": 2, "sum": 2}
    assert progress[2] == {"size": 2, "sum": 2}
    assert progress[3] == {"size": 2, "sum": 1}
    assert progress[4] == {"size": 2, "sum": 1}
    whole = rows[rows["phase"].eq(4)].set_index("session_id")["phase_seconds"]
    parts = rows[rows["phase"].lt(4)].groupby("session_id")["phase_seconds"].sum()
    assert whole.to_dict() == pytest.approx(parts.to_dict())


def test_tab_comeback_is_known_where_the_source_tells_of_tabs() -> None:
    visits = [
        Visit(0, "a", [page(0), page(5, "tab_hidden", None), page(65, "tab_visible", None)]),
        Visit(1, "b", [page(0), page(5, "tab_hidden", None)]),
        Visit(2, "c", [page(0), page(5)]),
    ]
    assert phase_rows(visits, 1)["is_tab_comeback"].astype(object).where(lambda s: s.notna(), None).tolist() == [
        True,
        False,
        None,
    ]


def test_minutes_instead_of_seconds_move_every_time_by_the_same_constant() -> None:
    """With gaps far above the floor, the benchmark moves as the value does, so no score can change."""
    slow = [Visit(day, "a", [page(0), page(600 * (1 + day)), page(1800 + 60 * day)], second=day) for day in range(6)]
    fast = [
        Visit(v.day, v.person, [(at / 60, name, kind, engaged) for at, name, kind, engaged in v.events], v.second)
        for v in slow
    ]
    means = [modelled(world)[1]["time_sum"] / modelled(world)[1]["time_n"] for world in (slow, fast)]
    assert means[0] - means[1] == pytest.approx(math.log(60), abs=1e-4)
