"""Delivery of the web events: late, doubled and broken ones included; JSON lines first, Parquet after the switch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.sources.demo import ga4
from orchestration.sources.demo.assortment import BRANDS, CATEGORIES, REGIONS
from orchestration.sources.demo.bots import DECLARED
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, stack, take, within
from orchestration.sources.demo.deliver import write_lines, write_parquet
from orchestration.sources.demo.people import People
from orchestration.sources.demo.web import EVENT

#: Share of events that come 0, 1, 2, ... days after they happened; more than three is too late.
LATENESS = (0.9825, 0.011, 0.004, 0.002, 0.0003, 0.0002)
DUPLICATE_SHARE = 0.005
BROKEN_SHARE = 0.0003
_SYSTEMS = np.array(["Windows", "Macintosh", "Android", "iOS", "iPadOS"], dtype=object)
_BROWSERS = np.array(["Chrome", "Firefox", "Safari", "Edge", "Samsung Internet", *DECLARED], dtype=object)


WINDOW_ROWS = 150_000
_EVENT_COLUMNS = (
    *("delivery", "position", "time_us", "event_date", "visit", "event", "page", "page_number", "category", "product"),
    *("word", "detail", "engaged_ms", "bundle", "batch_index"),
)


@dataclass(frozen=True)
class Chunk:
    """Web events of a span of delivery days.

    Attributes
    ----------
    first, end : int
        Delivery days, the last one excluded.
    events : Columns
        Of `mark_deliveries`, only those delivered in the span.
    basket_lines : Columns
        line, visit, product, quantity, net_cents of all baskets.
    describe : callable
        Gives the columns of `visit_table` for an array of visits.
    """

    first: int
    end: int
    events: Columns
    basket_lines: Columns
    describe: Callable[[np.ndarray], Columns]


def visitor_ids(cookie: np.ndarray, first_seen: np.ndarray) -> np.ndarray:
    """Client ids as Google gives them: a number and the second of the first visit."""
    # Multiplication by a number that has no factor in common with the modulus never maps two cookies to one id.
    number = 1_000_000_000 + (cookie.astype(np.int64) * 1_000_003 + 271_828) % 9_000_000_000
    seconds = first_seen.astype(np.int64)
    return np.array([f"{a}.{b}" for a, b in zip(number.tolist(), seconds.tolist(), strict=True)], dtype=object)


def visit_table(
    seed: int, people: People, visits: Columns, ids: np.ndarray, user_ids: np.ndarray, signed_in: np.ndarray,
    way: np.ndarray, ways: Mapping[str, list[str]], order: np.ndarray, coupons: Sequence[str],
) -> Columns:  # fmt: skip
    """Describe the visits of people the way the shop's tag sees them.

    Parameters
    ----------
    ids : ndarray of str
        Visitor id per cookie.
    user_ids : ndarray of str
        Customer number per visit.
    signed_in : ndarray
        UTC seconds per visit from which the number is known.
    way, ways
        Of `acquisition.acquire`.
    order : ndarray of str
        Order number per visit.
    """
    rng = generator(seed, "visit table")
    allows_ads = generator(seed, "ads consent").random(people.count) < 0.8
    person = visits["person"]
    region, brand = people.region[person], people.brand[person]
    has_click_id = np.isin(np.array(ways["channel"]), ["paid_search", "paid_social"])[way]
    count = length(visits)
    device = visits["device"]
    kind = visits["device_type"]
    odd = device % 5
    system = np.choose(kind, [np.where(odd < 4, 0, 1), np.where(odd < 3, 2, 3), np.full(count, 4)])
    on_windows = np.where(odd == 1, 1, np.where(odd == 2, 3, 0))
    browser = np.select([system >= 3, system == 2], [2, np.where(odd == 0, 4, 0)], on_windows)
    order_of = np.lexsort((visits["start"], visits["cookie"]))
    number = np.empty(count, dtype=np.int64)
    number[order_of] = within(visits["cookie"][order_of]) + 1
    country = np.array([r.country for r in REGIONS])[region]
    click = rng.integers(10**11, 10**12, count)
    return {
        "user_pseudo_id": ids[visits["cookie"]],
        "user_id": user_ids,
        "signed_in_us": np.where(np.isfinite(signed_in), signed_in * 1e6, 9e18).astype(np.int64),
        "session_id": visits["start"].astype(np.int64),
        "session_number": number,
        "way": way,
        # Traffic source means, in this export, where the visitor first came from, ever.
        "first_way": way[order_of][np.searchsorted(visits["cookie"][order_of], visits["cookie"])],
        "click": np.where(has_click_id, click, -1),
        "device": np.array(["desktop", "mobile", "tablet"], dtype=object)[kind],
        "os": _SYSTEMS[system],
        "browser": _BROWSERS[browser],
        "language": np.where(country == "CH", "de-ch", "de-de").astype(object),
        "country": np.where(country == "CH", "Switzerland", "Germany").astype(object),
        "region": np.array([r.station_name for r in REGIONS], dtype=object)[region],
        "analytics": np.where(visits["has_consent"], "Yes", "No").astype(object),
        "ads": np.where(allows_ads[person] & visits["has_consent"], "Yes", "No").astype(object),
        "brand": np.array(BRANDS, dtype=object)[brand],
        "order_id": order,
        "coupon": np.array([*coupons, ""], dtype=object)[visits["coupon"]],
    }


def bot_table(visits: Columns, ids: np.ndarray, way: int) -> Columns:
    """Describe the visits of machines with the columns of `visit_table`."""
    count = length(visits)
    declared = visits["browser"] >= 0
    constants: dict[str, object] = {
        "user_id": "",
        "signed_in_us": 9 * 10**18,
        "session_number": 1,
        "way": way,
        "first_way": way,
        "click": -1,
        "device": "desktop",
        "language": "en-us",
        "country": "United States",
        "region": "Virginia",
        "analytics": "Yes",
        "ads": "Yes",
        "brand": BRANDS[0],
        "order_id": "",
        "coupon": "",
    }
    table: Columns = {
        name: np.full(count, value, dtype=object if isinstance(value, str) else np.int64)
        for name, value in constants.items()
    }
    return table | {
        "user_pseudo_id": ids,
        "session_id": visits["start"].astype(np.int64),
        "os": np.where(declared, "Linux", "Windows").astype(object),
        "browser": np.where(declared, _BROWSERS[5 + np.maximum(visits["browser"], 0)], "Chrome"),
    }


def _date_numbers(local: np.ndarray) -> np.ndarray:
    """Dates as numbers: 20260131."""
    days = local.astype("datetime64[s]").astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    number = months.astype(np.int64)
    return (1970 + number // 12) * 10_000 + (number % 12 + 1) * 100 + (days - months).astype(np.int64) + 1


def mark_deliveries(seed: int, clock: Clock, events: Columns, last: int) -> Columns:
    """Give every event its delivery day, double some, break a few; events delivered after day `last` are dropped.

    Returns
    -------
    Columns
        The events plus delivery, position (order inside a day), time_us, event_date (as a number), bundle, batch_index,
        is_copy, is_broken; sorted by delivery and position.
    """
    rng = generator(seed, "deliveries")
    count = length(events)
    day = clock.day_of(events["time"])
    lag = np.searchsorted(np.cumsum(LATENESS), rng.random(count), side="right").clip(0, len(LATENESS) - 1)
    events["delivery"] = day + lag
    events["time_us"] = np.round(events["time"] * 1e6).astype(np.int64)
    events["bundle"] = 10_000 + np.arange(count)
    events["batch_index"] = 1 + within(events["visit"] * 1000 + events["page_number"])
    events["is_copy"] = np.zeros(count, dtype=bool)
    is_ping = events["event"] == EVENT["user_engagement"]
    broken = is_ping & (rng.random(count) < BROKEN_SHARE / 0.2)
    events["is_broken"] = broken
    clocks = np.where(rng.random(count) < 0.5, 0, events["time_us"] + 3 * 365 * 86400 * 10**6)
    events["time_us"] = np.where(broken, clocks, events["time_us"])
    events["event_date"] = _date_numbers(clock.local(events["time_us"] // 1_000_000))
    again = np.flatnonzero((rng.random(count) < DUPLICATE_SHARE) & ~broken)
    copies = take(events, again)
    copies["delivery"] = copies["delivery"] + (rng.random(len(again)) < 0.4)
    copies["is_copy"] = np.ones(len(again), dtype=bool)
    events = stack([events, copies])
    events = take(events, np.flatnonzero((events["delivery"] >= 0) & (events["delivery"] < last)))
    events = take(events, np.lexsort((events["time_us"], events["delivery"])))
    events["position"] = np.arange(length(events))
    return events


def _arrow(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.string()) if values.dtype == object else pa.array(values)


def _register_shop(con: duckdb.DuckDBPyConnection, ways: Mapping[str, list[str]], products: Columns) -> None:
    table = pa.table({"way": list(range(len(ways["channel"]))), **ways})
    con.register("ways", table.drop_columns(["channel"]))
    categories = [c.name for c in CATEGORIES]
    con.register(
        "product_rows",
        pa.table(
            {
                "product": np.arange(length(products)),
                "id": _arrow(products["id"]),
                "name": _arrow(products["name"]),
                "slug": _arrow(products["slug"]),
                "category_name": _arrow(np.array(categories, dtype=object)[products["category"]]),
                "brand": _arrow(np.array(BRANDS, dtype=object)[products["brand"]]),
                "price": products["price_cents"] / 100,
            }
        ),
    )
    con.register(
        "categories",
        pa.table({"category": list(range(len(CATEGORIES))), "name": categories, "slug": [c.slug for c in CATEGORIES]}),
    )


def _windows(days: np.ndarray, first: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of days with about `WINDOW_ROWS` rows each: memory stays the same however long the history is."""
    bounds = np.searchsorted(days, np.arange(first, end + 1))
    start = first
    for day in range(first, end):
        if day + 1 == end or bounds[day + 2 - first] - bounds[start - first] > WINDOW_ROWS:
            yield start, day + 1
            start = day + 1


def deliver(
    con: duckdb.DuckDBPyConnection,
    directory: Path,
    clock: Clock,
    ways: Mapping[str, list[str]],
    products: Columns,
    chunks: Iterable[Chunk],
    parquet_from: int,
) -> None:
    """Write the files of all days.

    Parameters
    ----------
    ways : dict
        Of `acquisition.acquire`.
    chunks : iterable of Chunk
        Consecutive spans of delivery days.
    parquet_from : int
        First day in Parquet; JSON lines before.
    """
    directory.mkdir(parents=True, exist_ok=True)
    _register_shop(con, ways, products)
    for chunk in chunks:
        con.register("basket_lines", pa.table(chunk.basket_lines))
        split = min(max(parquet_from, chunk.first), chunk.end)
        for text, first, end in ((True, chunk.first, split), (False, split, chunk.end)):
            for name, query in (("products", ga4.products(text)), ("baskets", ga4.baskets(text))):
                con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
            for start, stop in _windows(chunk.events["delivery"], first, end):
                _write_window(con, directory, clock, chunk, text, start, stop)


def _write_window(
    con: duckdb.DuckDBPyConnection, directory: Path, clock: Clock, chunk: Chunk, text: bool, first: int, end: int
) -> None:
    start, stop = np.searchsorted(chunk.events["delivery"], [first, end])
    events = {name: chunk.events[name][start:stop] for name in _EVENT_COLUMNS}
    con.register("ev", pa.table(events))
    rows = np.unique(events["visit"])
    con.register("visit_rows", pa.table({"visit": rows} | {k: _arrow(v) for k, v in chunk.describe(rows).items()}))
    con.execute(f"CREATE OR REPLACE TEMP TABLE vi AS {ga4.visits(text)}")
    suffix = "jsonl.gz" if text else "parquet"

    def name_of(day: int) -> Path:
        return directory / f"events_{clock.date(day):%Y%m%d}.{suffix}"

    query = ga4.lines() if text else ga4.records()
    table = con.sql(query).to_arrow_table()
    # Joins keep the order of the events as long as those are on their probing side; sorting records costs much more.
    position = table["position"].to_numpy()
    if (np.diff(position) < 0).any():
        table = table.take(pa.array(np.argsort(position)))
    table = table.drop_columns(["position"])
    if text:
        write_lines(table, name_of, first, end, compress=True)
    else:
        write_parquet(table, name_of, first, end)
