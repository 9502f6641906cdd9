"""The simulation from persons to files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from orchestration.sources.demo import campaign_feed, erp_feed, feeds, ledger, signal_feed, truth, web_feed
from orchestration.sources.demo.acquisition import acquire
from orchestration.sources.demo.assortment import make_products
from orchestration.sources.demo.bots import make_bots
from orchestration.sources.demo.clock import TIMEZONE, Clock
from orchestration.sources.demo.columns import Columns, length, stack, take
from orchestration.sources.demo.customers import Customers, make_customers, visit_keys
from orchestration.sources.demo.demand import make_purchases
from orchestration.sources.demo.funnel import in_defect, run_funnel, service_visits
from orchestration.sources.demo.mailings import Mailings, make_mailings
from orchestration.sources.demo.media import CHF_EUR, MediaPlan, make_plan
from orchestration.sources.demo.missions import choose_devices, make_missions, make_visits, season
from orchestration.sources.demo.people import People, make_people
from orchestration.sources.demo.sales import COUPONS, Sales, choose_coupons, make_sales, order_ids, versions, web_lines
from orchestration.sources.demo.sizes import SIZES, Size
from orchestration.sources.demo.social import make_posts
from orchestration.sources.demo.story import Story
from orchestration.sources.demo.weather import Weather, make_weather
from orchestration.sources.demo.web import PAGE, browse, make_events, sign_in_times

#: Days simulated behind the history whether they are delivered or not: the history is the same for every number of
#: further days.
MARGIN_DAYS = 35


@dataclass(frozen=True)
class World:
    """Everything that happened, before anybody wrote it down."""

    seed: int
    size: Size
    clock: Clock
    story: Story
    last: int  # day after the last delivery
    products: Columns
    people: People
    weather: Weather
    plan: MediaPlan
    catalog: Mailings
    missions: Columns
    visits: Columns
    steps: Columns
    signed_in: np.ndarray
    visitor_ids: np.ndarray
    way: np.ndarray
    ways: dict[str, list[str]]
    online: Columns
    sales: Sales
    order_ids: np.ndarray
    customers: Customers


def build(directory: Path, identity: Mapping[str, Any], end: date) -> None:
    """Simulate the shop of these settings and write it into an empty directory."""
    size = SIZES[identity["size"]]
    write(simulate(size, end, identity["days"], identity["ahead_days"], identity["seed"]), directory, identity)


def simulate(size: Size, end: date, days: int, ahead: int, seed: int) -> World:
    """Let the shop live."""
    clock = Clock(end - timedelta(days=days - 1), days + MARGIN_DAYS)
    story = Story(days)
    products = make_products(seed)
    people = make_people(seed, size)
    weather = make_weather(seed, clock, days)
    plan = make_plan(seed, clock, season(clock))
    catalog = make_mailings(seed, story, people, clock.length)
    missions = make_missions(seed, size, clock, people, plan, catalog.orders)
    visits = make_visits(seed, clock, people, missions)
    visits |= choose_devices(seed, clock, people, visits)
    visits = run_funnel(seed, clock, story, people, visits, missions["wave"] >= 0)
    purchases, fixed = make_purchases(seed, size, clock, people, plan, weather, missions, visits, catalog.orders)
    visits["coupon"] = choose_coupons(seed, people, visits)
    visits = stack([visits, service_visits(seed, clock, visits)])

    steps = browse(seed, people, products, visits)
    signed_in = sign_in_times(seed, visits, steps)
    confirmed = np.full(length(visits), np.inf)
    done = np.flatnonzero(steps["page"] == PAGE["confirmation"])
    confirmed[steps["visit"][done]] = steps["start"][done]
    online = web_lines(seed, products, visits, steps)
    sales = make_sales(seed, clock, people, products, visits, confirmed, online, purchases, fixed, missions)
    first_seen = np.full(int(visits["cookie"].max()) + 1, np.inf)
    np.minimum.at(first_seen, visits["cookie"], visits["start"])
    visitor_ids = web_feed.visitor_ids(np.arange(len(first_seen)), np.where(np.isfinite(first_seen), first_seen, 0))
    customers = make_customers(seed, clock, people, sales, visits, signed_in, visitor_ids)
    way, ways = acquire(seed, clock, story, plan, visits, missions)
    return World(
        seed, size, clock, story, days + ahead, products, people, weather, plan, catalog, missions, visits, steps,
        signed_in, visitor_ids, way, ways, online, sales, order_ids(sales.orders), customers,
    )  # fmt: skip


def write(world: World, directory: Path, identity: Mapping[str, Any]) -> None:
    """Write all files of a world; `identity` says in the truth which shop it is."""
    con = duckdb.connect()
    con.execute(
        "SET threads = 2; SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET preserve_insertion_order = true"
    )
    calendar = calendar_facts(world.clock, world.story.days, world.last)
    facts: dict[str, Any] = {"shop": dict(identity), "calendar": calendar}
    tables: dict[str, pa.Table] = {}
    days = world.story.days
    facts["web"] = _write_web(con, world, directory, tables)
    facts["sales"] = _write_sales(con, world, directory, tables)
    facts["media"] = _write_marketing(con, world, directory, tables)
    facts["catalog"] = truth.catalog_facts(world.catalog, world.people, world.sales, days)
    facts["weather"] = truth.weather_facts(world.weather, world.size, days)
    facts["story"] = truth.story_facts(world.clock, world.story, world.visits)
    posts = make_posts(world.seed, world.size, world.clock, world.story)
    tables["posts"] = truth.posts_table(posts)
    signal_feed.write_posts(con, directory / "social", world.clock, world.seed, posts, world.last)
    signal_feed.write_weather(con, directory / "weather", world.clock, world.story, world.weather, world.last)
    signal_feed.write_forecasts(con, directory / "weather", world.clock, world.seed, world.weather, world.last)
    con.close()
    finish(directory, world.clock, world.story, world.size, facts, tables)


def finish(
    directory: Path, clock: Clock, story: Story, size: Size, facts: Mapping[str, Any], tables: Mapping[str, pa.Table]
) -> None:
    """Write `sources.yaml`, the tables of the truth, and last of all `truth.json`."""
    text = feeds.sources(clock.start, clock.date(story.parquet_from), size.web_only)
    (directory / "sources.yaml").write_text(text, encoding="utf-8")
    (directory / "truth").mkdir()
    for name, table in tables.items():
        pq.write_table(table, directory / "truth" / f"{name}.parquet")
    (directory / "truth.json").write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def calendar_facts(clock: Clock, days: int, last: int) -> dict[str, Any]:
    """Which days are which."""
    return {
        "start": clock.start.isoformat(),
        "end": clock.date(days - 1).isoformat(),
        "last_delivery": clock.date(last - 1).isoformat(),
        "timezone": TIMEZONE,
        "currency": "EUR",
        "eur_per_chf": CHF_EUR,
    }


def _write_web(
    con: duckdb.DuckDBPyConnection, world: World, directory: Path, tables: dict[str, pa.Table]
) -> dict[str, Any]:
    visits, orders, seed = world.visits, world.sales.orders, world.seed
    online = np.flatnonzero(orders["visit"] >= 0)
    order = np.full(length(visits), "", dtype=object)
    order[orders["visit"][online]] = world.order_ids[online]
    keys = visit_keys(world.customers, visits, world.signed_in)
    described = web_feed.visit_table(seed, world.people, visits, world.visitor_ids, keys, world.signed_in, world.way,
                                     world.ways, order, COUPONS)  # fmt: skip
    bots, bot_events = make_bots(seed, world.size, world.clock, world.products)
    bot_ids = web_feed.visitor_ids(len(world.visitor_ids) + np.arange(length(bots)), bots["start"])
    described = stack([described, web_feed.bot_table(bots, bot_ids, world.ways["channel"].index("direct"))])
    events = make_events(
        seed, world.people, visits, world.steps, world.signed_in, in_defect(world.clock, world.story, visits)
    )
    bot_events["visit"] = bot_events["visit"] + length(visits)
    events = web_feed.mark_deliveries(seed, world.clock, stack([events, bot_events]), world.last)
    lines = {"line": np.arange(length(world.online))}
    lines |= {name: world.online[name] for name in ("visit", "product", "quantity", "net_cents")}
    chunk = web_feed.Chunk(0, world.last, events, lines, lambda rows: take(described, rows))
    parquet_from = world.story.parquet_from
    web_feed.deliver(con, directory / "web", world.clock, world.ways, world.products, [chunk], parquet_from)

    known_at = world.signed_in.copy()
    told = online[visits["has_consent"][orders["visit"][online]]]
    known_at[orders["visit"][told]] = np.minimum(known_at[orders["visit"][told]], orders["time"][told])
    tables["devices"] = truth.devices_table(world.clock, world.story, visits, world.visitor_ids, world.people, known_at)
    tables["bots"] = pa.table({"visitor_id": pa.array(bot_ids, pa.string()), "is_declared": bots["browser"] >= 0})
    facts = truth.web_facts(world.clock, events, visits, world.story.days, length(bots))
    return facts | {"parquet_from": world.clock.date(parquet_from).isoformat()}


def _write_sales(
    con: duckdb.DuckDBPyConnection, world: World, directory: Path, tables: dict[str, pa.Table]
) -> dict[str, Any]:
    visits, orders = world.visits, world.sales.orders
    rows = versions(world.sales)
    client = np.full(length(orders), "", dtype=object)
    online = np.flatnonzero(orders["visit"] >= 0)
    online = online[visits["has_consent"][orders["visit"][online]]]
    client[online] = world.visitor_ids[visits["cookie"][orders["visit"][online]]]
    export = erp_feed.Export(con, directory / "erp", world.clock, world.seed, world.last)
    broken = erp_feed.write_orders(export, world.people, world.sales, rows, world.customers, world.order_ids, client)
    erp_feed.write_lines_of_orders(export, world.products, world.sales, rows, world.order_ids)
    erp_feed.write_products(export, world.products)
    erp_feed.write_customers(export, world.people, world.customers)
    erp_feed.write_links(export, world.customers)
    erp_feed.write_stores(directory)
    tables["orders"] = ledger.versions_table(world.sales, rows, world.order_ids, world.clock, world.last)
    tables["customers"] = truth.customers_table(world.customers.records)
    tables["people"] = truth.people_table(world.people, world.customers.account_key)
    facts = truth.sales_facts(world.sales, world.story.days)
    return facts | {"broken_rows": int((broken < world.story.days).sum()), "definition": ledger.DEFINITION}


def _write_marketing(
    con: duckdb.DuckDBPyConnection, world: World, directory: Path, tables: dict[str, pa.Table]
) -> dict[str, Any]:
    clock, people, sales = world.clock, world.people, world.sales
    spend = campaign_feed.spend_rows(clock, world.size, people, world.plan, world.visits, world.way, world.ways, sales)
    files = {
        "spend": campaign_feed.spend_csv(clock, spend),
        "mailings": campaign_feed.mailing_rows(clock, world.catalog, world.customers),
        "contacts": campaign_feed.touchpoint_rows(world.seed, world.size, clock, people, sales, world.customers),
        "experiments": campaign_feed.experiment_rows(clock, world.story, world.visits, world.visitor_ids),
    }
    for name, rows in files.items():
        campaign_feed.write_csv(con, directory / "marketing", name, clock, rows, world.last)
    tables["media"] = truth.media_table(clock, world.size, world.plan, world.missions, sales, world.last)
    return truth.media_facts(world.size, tables["media"], spend, world.story.days)
