"""Purchases outside the web shop: stores, app, phone, field sales, and what moves them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from orchestration.sources.demo.assortment import CATEGORIES, CHANNEL, GARDEN, RAIN, REGIONS, STORES, WATER
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick, pick_rows, stack, take
from orchestration.sources.demo.funnel import ORDER, PRODUCT, garden_season
from orchestration.sources.demo.media import MEDIA, MediaPlan
from orchestration.sources.demo.missions import BASELINE, STORE_WEEKDAYS, _daily, season
from orchestration.sources.demo.people import People
from orchestration.sources.demo.sizes import Size
from orchestration.sources.demo.weather import Weather

WEB, APP, STORE, PHONE, FIELD = range(5)
STORE_ORDERS = 19.0  # a day, all stores
PHONE_ORDERS = 2.2
FIELD_ORDERS = 0.35

#: Units of mineral water a day in all regions: base + per degree of the daily maximum, and what each degree beyond
#: the bend takes away. The noise around it is Poisson.
WATER_BASE, WATER_PER_DEGREE, WATER_BEND, WATER_BEYOND = 12.0, 4.0, 40.0, -10.0
WATER_WEEKDAYS = np.array([0.97, 0.95, 0.97, 1.0, 1.08, 1.15, 0.88])
RAIN_BASE, RAIN_PER_MM = 2.0, 0.35
GARDEN_BASE = 1.6


def water_units(temperature: np.ndarray) -> np.ndarray:
    """Expected units of mineral water of the whole country on an average weekday, given the daily maximum."""
    bent = np.maximum(temperature - WATER_BEND, 0) * (WATER_BEYOND - WATER_PER_DEGREE)
    return np.maximum(WATER_BASE + WATER_PER_DEGREE * temperature + bent, 4.0)


def _stores_of(region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    weights = np.zeros((len(REGIONS), len(STORES)))
    for index, store in enumerate(STORES):
        weights[store[2], index] = store[6]
    return pick_rows(rng, weights, region)


def _people_of(region: np.ndarray, rng: np.random.Generator, people: People, eligible: np.ndarray) -> np.ndarray:
    """An eligible person of each region, the active ones more often; -1 where nobody is eligible."""
    person = np.full(len(region), -1)
    for index in range(len(REGIONS)):
        there = np.flatnonzero(region == index)
        candidates = np.flatnonzero((people.region == index) & eligible)
        if len(candidates):
            person[there] = candidates[pick(rng, people.activity[candidates], len(there))]
    return person


def make_purchases(
    seed: int,
    size: Size,
    clock: Clock,
    people: People,
    plan: MediaPlan,
    weather: Weather,
    missions: Columns,
    visits: Columns,
    catalog_orders: Columns,
) -> tuple[Columns, Columns]:
    """Draw all purchases outside the web shop.

    Returns
    -------
    purchases : Columns
        day, person (-1 anonymous), channel (`WEB` ... `FIELD`), store (-1), region, cause, wave.
    fixed_lines : Columns
        purchase, category, quantity: lines of categories with a demand model of their own.
    """
    rng = generator(seed, "purchases")
    parts: list[Columns] = []

    def add(
        day: np.ndarray, person: object, channel: object, region: np.ndarray, cause: object, wave: object = -1
    ) -> None:
        same = {"person": person, "channel": channel, "region": region, "cause": cause, "wave": wave}
        parts.append({"day": day} | {k: np.broadcast_to(np.asarray(v), len(day)) for k, v in same.items()})

    weights = np.array([region.share for region in REGIONS])
    demand = season(clock) * STORE_WEEKDAYS[clock.weekdays] * clock.is_open * np.linspace(0.96, 1.04, clock.length)
    day = _daily(rng, STORE_ORDERS * size.trade * demand)
    region = pick(rng, weights, len(day))
    with_card = rng.random(len(day)) < 0.55
    person = np.where(with_card, _people_of(region, rng, people, people.has_card), -1)
    add(day, person, STORE, region, BASELINE)
    for i, media in enumerate(MEDIA):
        if media.store_effect:
            day = _daily(rng, media.store_effect * size.trade * plan.saturation[i] * demand / demand.mean())
            region = pick(rng, weights, len(day))
            person = np.where(rng.random(len(day)) < 0.45, _people_of(region, rng, people, people.has_card), -1)
            add(day, person, STORE, region, CHANNEL[media.channel])
    day = _daily(rng, PHONE_ORDERS * size.trade * season(clock) * (clock.weekdays < 6) * 7 / 6)
    region = pick(rng, weights, len(day))
    person = _people_of(region, rng, people, people.is_customer)
    add(day, np.where(rng.random(len(day)) < 0.85, person, -1), PHONE, region, BASELINE)
    day = _daily(rng, FIELD_ORDERS * size.trade * (clock.weekdays < 5) * 7 / 5)
    person = _people_of(pick(rng, weights, len(day)), rng, people, people.account >= 0)
    day, person = day[person >= 0], person[person >= 0]
    add(day, person, FIELD, people.region[person], BASELINE)

    _after_the_web(rng, clock, people, missions, visits, add)
    offline = take(catalog_orders, np.flatnonzero(catalog_orders["outlet"] > 0))
    is_store = offline["outlet"] == 2
    day = np.where(is_store, clock.next_open[offline["day"]], offline["day"])
    offline, day, is_store = take(offline, day < clock.length), day[day < clock.length], is_store[day < clock.length]
    person = offline["person"]
    add(day, person, np.where(is_store, STORE, PHONE), people.region[person], CHANNEL["catalog"], offline["wave"])

    general = stack(parts)
    weathered, lines = _weathered(rng, size, clock, people, weather)
    lines["purchase"] = lines["purchase"] + length(general)
    purchases = stack([general, weathered])
    is_store = purchases["channel"] == STORE
    purchases["store"] = np.where(is_store, _stores_of(purchases["region"], rng), -1)
    return purchases, lines


def _after_the_web(
    rng: np.random.Generator,
    clock: Clock,
    people: People,
    missions: Columns,
    visits: Columns,
    add: Callable[..., None],
) -> None:
    """Missions that saw a product online and end in a store or on the phone."""
    mission, depth = visits["mission"], visits["depth"]
    last = np.flatnonzero(np.r_[mission[1:] != mission[:-1], True])
    starts = np.r_[0, last[:-1] + 1]
    deepest = np.maximum.reduceat(depth, starts)
    mission, day = mission[last], clock.day_of(visits["start"][last])
    open_ended = (deepest >= PRODUCT) & (deepest < ORDER)
    fate = np.where(open_ended, pick(rng, [0.885, 0.085, 0.03], len(last)), 0)
    day = day + rng.geometric(0.5, len(last))
    day = np.where(fate == 1, clock.next_open[np.minimum(day, clock.length - 1)], day)
    kept = np.flatnonzero((fate > 0) & (day < clock.length))
    person = missions["person"][mission[kept]]
    is_store = fate[kept] == 1
    # In a store only the card tells who it was; on the phone everybody gives a name.
    is_known = ~is_store | (people.has_card[person] & (rng.random(len(kept)) < 0.85))
    add(
        day[kept],
        np.where(is_known, person, -1),
        np.where(is_store, STORE, PHONE),
        people.region[person],
        missions["cause"][mission[kept]],
        missions["wave"][mission[kept]],
    )


def _weathered(
    rng: np.random.Generator, size: Size, clock: Clock, people: People, weather: Weather
) -> tuple[Columns, Columns]:
    """Water, rain wear and garden furniture: units follow their model exactly, up to Poisson noise."""
    share = np.array([region.share for region in REGIONS])[:, None]
    expected = {
        WATER: (share * water_units(weather.daily_maximum) * WATER_WEEKDAYS[clock.weekdays], 3.5),
        RAIN: (share * (RAIN_BASE + RAIN_PER_MM * weather.daily_precipitation), 1.0),
        GARDEN: (share * GARDEN_BASE * garden_season(clock), 1.3),
    }
    purchases, lines, offset = [], [], 0
    for category, (rate, per_line) in expected.items():
        units = rng.poisson(rate * size.trade)
        orders = np.ceil(units / per_line).astype(int)
        cell = np.repeat(np.arange(units.size), units.ravel())
        first = np.cumsum(orders.ravel()) - orders.ravel()
        chosen = first[cell] + (rng.random(len(cell)) * orders.ravel()[cell]).astype(int)
        quantity = np.bincount(chosen, minlength=orders.sum())
        region, day = np.divmod(np.repeat(np.arange(units.size), orders.ravel()), clock.length)
        kept = np.flatnonzero(quantity)
        region, day, quantity = region[kept], day[kept], quantity[kept]
        in_store = clock.is_open[day] & (rng.random(len(day)) < 0.72)
        known = np.where(in_store, rng.random(len(day)) < 0.55, True)
        person = np.where(
            known,
            np.where(
                in_store,
                _people_of(region, rng, people, people.has_card),
                _people_of(region, rng, people, people.is_customer & people.has_phone),
            ),
            -1,
        )
        same = np.full(len(day), -1)
        channel = np.where(in_store | (person < 0), STORE, APP)
        purchases.append(
            {"day": day, "person": person, "channel": channel, "region": region, "cause": same, "wave": same}
        )
        lines.append(
            {"purchase": offset + np.arange(len(day)), "category": np.full(len(day), category), "quantity": quantity}
        )
        offset += len(day)
    return stack(purchases), stack(lines)


def store_lines(rng: np.random.Generator, clock: Clock, purchases: Columns, fixed: Columns) -> Columns:
    """Further lines of purchases outside the web shop.

    Returns
    -------
    Columns
        purchase, category, quantity, including the fixed ones.
    """
    count = length(purchases)
    has_fixed = np.zeros(count, dtype=bool)
    has_fixed[fixed["purchase"]] = True
    more = np.where(has_fixed, (rng.random(count) < 0.3).astype(int), 1 + rng.poisson(0.75, count))
    more = np.where(purchases["channel"] == FIELD, 2 + rng.poisson(2.0, count), more)
    purchase = np.repeat(np.arange(count), more)
    weights = np.tile([c.store for c in CATEGORIES], (clock.length, 1))
    toys = [c.name for c in CATEGORIES].index("Spielzeug")
    weights[:, toys] *= 1 + 1.6 * np.exp(-(((clock.year_share - 0.95) / 0.04) ** 2))
    category = pick_rows(rng, weights, purchases["day"][purchase])
    is_field = purchases["channel"][purchase] == FIELD
    quantity = np.where(is_field, rng.integers(2, 9, len(purchase)), 1 + (rng.random(len(purchase)) < 0.12))
    return stack([fixed, {"purchase": purchase, "category": category, "quantity": quantity}])
