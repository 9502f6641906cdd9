"""Web events by the ten million, for measuring: the visits of one world, turned into events span by span."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from orchestration.sources.demo import shop, web_feed
from orchestration.sources.demo.acquisition import acquire
from orchestration.sources.demo.assortment import make_products
from orchestration.sources.demo.bots import make_bots
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, length, stack, take
from orchestration.sources.demo.funnel import ORDER, in_defect, run_funnel, service_visits
from orchestration.sources.demo.mailings import make_mailings
from orchestration.sources.demo.media import make_plan
from orchestration.sources.demo.missions import choose_devices, make_missions, make_visits, season
from orchestration.sources.demo.people import People, make_people
from orchestration.sources.demo.sales import COUPONS, choose_coupons, web_lines
from orchestration.sources.demo.sizes import SIZES
from orchestration.sources.demo.story import Story
from orchestration.sources.demo.web import browse, make_events, sign_in_times

VISITS_PER_SPAN = 150_000


def build(directory: Path, identity: Mapping[str, Any], end: date) -> None:
    """Write the web events of a big shop as Parquet, with memory for the visits and one span of events."""
    size, seed, days = SIZES[identity["size"]], identity["seed"], identity["days"]
    last = days + identity["ahead_days"]
    clock, story = Clock(end - timedelta(days=days - 1), days + shop.MARGIN_DAYS), Story(days, parquet_only=True)
    products, people = make_products(seed), make_people(seed, size)
    plan = make_plan(seed, clock, season(clock))
    catalog = make_mailings(seed, story, people, clock.length)
    missions = make_missions(seed, size, clock, people, plan, catalog.orders)
    visits = make_visits(seed, clock, people, missions)
    visits |= choose_devices(seed, clock, people, visits)
    visits = run_funnel(seed, clock, story, people, visits, missions["wave"] >= 0)
    visits["coupon"] = choose_coupons(seed, people, visits)
    visits = stack([visits, service_visits(seed, clock, visits)])
    visits["way"], ways = acquire(seed, clock, story, plan, visits, missions)
    del missions
    visits = take(visits, np.argsort(visits["start"], kind="stable"))
    con = duckdb.connect()
    con.execute("SET threads = 2; SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET memory_limit = '2GB'")
    counts: dict[str, int] = {"rows": 0, "duplicates": 0, "visits": length(visits)}
    bots = make_bots(seed, size, clock, products)
    chunks = _chunks(seed, clock, story, people, products, visits, ways, bots, last, counts)
    web_feed.deliver(con, directory / "web", clock, ways, products, chunks, parquet_from=0)
    con.close()
    calendar = shop.calendar_facts(clock, days, last)
    shop.finish(directory, clock, story, size, {"shop": dict(identity), "calendar": calendar, "web": counts}, {})


def _spans(day: np.ndarray, last: int) -> Iterator[tuple[int, int]]:
    """Spans of days with about `VISITS_PER_SPAN` visits."""
    bounds = np.searchsorted(day, np.arange(last + 1))
    first = 0
    for end in range(1, last + 1):
        if end == last or bounds[end + 1] - bounds[first] > VISITS_PER_SPAN:
            yield first, end
            first = end


def _chunks(
    seed: int, clock: Clock, story: Story, people: People, products: Columns, visits: Columns,
    ways: Mapping[str, list[str]], bots: tuple[Columns, Columns], last: int, counts: dict[str, int],
) -> Iterator[web_feed.Chunk]:  # fmt: skip
    """Make the events of each span of days; what is delivered later waits with the visits it belongs to."""
    first_seen = np.full(int(visits["cookie"].max()) + 1, np.inf)
    np.minimum.at(first_seen, visits["cookie"], visits["start"])
    first_way = np.zeros(len(first_seen), dtype=np.int64)
    first_way[visits["cookie"][::-1]] = visits["way"][::-1]
    direct = ways["channel"].index("direct")
    day, bot_day = clock.day_of(visits["start"]), clock.day_of(bots[0]["start"])
    order_number = np.cumsum(visits["depth"] == ORDER)
    waiting: tuple[Columns, Columns, Columns] | None = None
    offset = 0
    for number, (first, end) in enumerate(_spans(day, last)):
        start, stop = np.searchsorted(day, [first, end])
        span = take(visits, np.arange(start, stop))
        steps = browse(seed + number, people, products, span)
        signed_in = sign_in_times(seed + number, span, steps)
        lines = web_lines(seed + number, products, span, steps)
        orders = np.array([f"W{1_000_000 + i}" for i in order_number[start:stop].tolist()], dtype=object)
        orders = np.where(span["depth"] == ORDER, orders, "")
        keys = np.array([str(100_001 + p) for p in span["person"].tolist()], dtype=object)
        cookies, cookie = np.unique(span["cookie"], return_inverse=True)
        ids = web_feed.visitor_ids(cookies, first_seen[cookies])
        described = web_feed.visit_table(
            seed + number, people, span | {"cookie": cookie}, ids, keys, signed_in, span["way"], ways, orders, COUPONS
        )
        described["first_way"] = first_way[span["cookie"]]
        events = make_events(seed + number, people, span, steps, signed_in, in_defect(clock, story, span))
        events, described = _with_bots(clock, bots, bot_day, first, end, events, described, direct, len(first_seen))
        count = length(described)
        marked = web_feed.mark_deliveries(seed + number, clock, events, last)
        basket = {"line": np.arange(length(lines))}
        basket |= {name: lines[name] for name in ("visit", "product", "quantity", "net_cents")}
        for table in (marked, basket):
            table["visit"] = table["visit"] + offset
        if waiting is not None:
            marked = stack([waiting[0], marked])
            described = stack([waiting[1], described])
            basket = stack([waiting[2], basket])
            offset_of_first = offset - length(waiting[1])
        else:
            offset_of_first = offset
        marked = take(marked, np.lexsort((marked["time_us"], marked["delivery"])))
        marked["position"] = np.arange(length(marked))
        cut = int(np.searchsorted(marked["delivery"], end))
        now = {name: values[:cut] for name, values in marked.items()}
        counts["rows"] += cut
        counts["duplicates"] += int(now["is_copy"].sum())
        yield web_feed.Chunk(first, end, now, basket, partial(_rows_from, described, offset_of_first))
        later = {name: values[cut:] for name, values in marked.items()}
        recent = offset + count - offset_of_first
        kept = np.arange(recent - count, recent)
        waiting = (
            take(later, np.flatnonzero(later["visit"] >= offset)),
            take(described, kept),
            take(basket, np.flatnonzero(basket["visit"] >= offset)),
        )
        offset += count


def _rows_from(table: Columns, offset: int, rows: np.ndarray) -> Columns:
    return take(table, rows - offset)


def _with_bots(
    clock: Clock, bots: tuple[Columns, Columns], bot_day: np.ndarray, first: int, end: int, events: Columns,
    described: Columns, direct: int, first_cookie: int,
) -> tuple[Columns, Columns]:  # fmt: skip
    """Add the machines of a span."""
    mine = np.flatnonzero((bot_day >= first) & (bot_day < end))
    some = take(bots[0], mine)
    ids = web_feed.visitor_ids(first_cookie + mine, some["start"])
    place = np.full(len(bot_day), -1)
    place[mine] = length(described) + np.arange(len(mine))
    theirs = take(bots[1], np.flatnonzero(place[bots[1]["visit"]] >= 0))
    theirs["visit"] = place[theirs["visit"]]
    return stack([events, theirs]), stack([described, web_feed.bot_table(some, ids, direct)])
