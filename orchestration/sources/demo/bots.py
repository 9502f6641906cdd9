"""Machines among the visitors: some say so, others only behave like it."""

from __future__ import annotations

import numpy as np

from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick, take, within
from orchestration.sources.demo.sizes import Size
from orchestration.sources.demo.web import EVENT, PAGE

DECLARED = ("Googlebot", "bingbot", "AhrefsBot", "SiteMonitor-Bot")
DECLARED_VISITS = 2.2  # a day
HIDDEN_VISITS = 1.1


def make_bots(seed: int, size: Size, clock: Clock, products: Columns) -> tuple[Columns, Columns]:
    """Draw the visits of machines and their events.

    Returns
    -------
    visits : Columns
        start, browser (index of `DECLARED`, -1: pretends to be a person).
    events : Columns
        As of `web.make_events`; `visit` counts from 0.
    """
    rng = generator(seed, "bots")
    declared = np.repeat(np.arange(clock.length), rng.poisson(DECLARED_VISITS * size.web, clock.length))
    hidden = np.repeat(np.arange(clock.length), rng.poisson(HIDDEN_VISITS * size.web, clock.length))
    day = np.r_[declared, hidden]
    count = len(day)
    is_hidden = np.arange(count) >= len(declared)
    visits: Columns = {
        "start": clock.instant(day, np.floor(rng.uniform(0, 86400 - 3600, count))),
        "browser": np.where(is_hidden, -1, pick(rng, [0.5, 0.2, 0.2, 0.1], count)),
    }
    pages = np.where(is_hidden, rng.integers(20, 50, count), rng.integers(3, 16, count))
    visit = np.repeat(np.arange(count), pages)
    number = within(visit)
    product = rng.integers(length(products), size=len(visit))
    hidden_page = is_hidden[visit]
    # A scraper fetches one product page a second, with the patience of a machine: always the same.
    pause = np.where(hidden_page, 1.0, 7.0)
    time = visits["start"][visit] + number * pause + ~hidden_page * rng.uniform(0, 3, len(visit))
    page = np.where(number == 0, PAGE["home"], PAGE["product"])
    base: Columns = {
        "visit": visit,
        "time": time.astype(float),
        "event": np.full(len(visit), EVENT["page_view"]),
        "page": page,
        "category": np.where(number == 0, -1, products["category"][product]),
        "product": np.where(number == 0, -1, product),
        "page_number": number,
    }
    for name in ("word", "detail", "engaged_ms"):
        base[name] = np.full(len(visit), -1)
    views = take(base, np.flatnonzero((number > 0) & hidden_page))
    views["event"] = np.full(len(views["visit"]), EVENT["view_item"])
    views["time"] = views["time"] + 0.2
    starts = take(base, np.flatnonzero(number == 0))
    starts["event"] = np.full(count, EVENT["session_start"])
    starts["time"] = starts["time"] - 0.001
    events = {name: np.concatenate([starts[name], base[name], views[name]]) for name in base}
    return visits, take(events, np.lexsort((events["event"], events["time"], events["visit"])))
