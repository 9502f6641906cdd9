"""Orders as the ERP system knows them, to the cent, and how they change after the day they were placed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.assortment import CATEGORIES, PRODUCTS_PER_CATEGORY, REGIONS, STORES
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick, pick_rows, stack, take, within
from orchestration.sources.demo.demand import APP, FIELD, PHONE, STORE, WEB, store_lines
from orchestration.sources.demo.funnel import ORDER
from orchestration.sources.demo.media import CHF_EUR
from orchestration.sources.demo.missions import times_of_day
from orchestration.sources.demo.people import People
from orchestration.sources.demo.web import coupon_chance

COUPONS = ("WILLKOMMEN10", "SOMMER15", "FREUNDE10")
COUPON_SHARES = np.array([0.10, 0.15, 0.10])
STATUS = ("open", "shipped", "completed", "cancelled", "returned", "partly_returned")
VAT = {"DE": 1.19, "CH": 1.081}
CHF_PRICE = 1.15  # shelf price in CHF for one euro of the German price
NEVER = 1_000_000


@dataclass(frozen=True)
class Sales:
    """Orders with their lines.

    Attributes
    ----------
    orders : Columns
        time (UTC seconds), day, person (-1), channel, store, region, visit (-1), cause, wave, coupon (-1), is_guest,
        is_test, is_chf, net_cents, gross_cents, discount_cents, day_known (first delivery), day_shipped, day_cancelled,
        day_returned (`NEVER` where it does not happen), initial (status), last status after a return.
    lines : Columns
        order, number (1, 2, ...), product, quantity, net_cents, cost_cents, returned (quantity), value columns; sorted
        by order and number.
    """

    orders: Columns
    lines: Columns


def web_lines(seed: int, products: Columns, visits: Columns, steps: Columns) -> Columns:
    """What was put into the basket in each visit; the lines of its order, if the visit ends in one.

    Returns
    -------
    Columns
        visit, product, quantity, net_cents, cost_cents, discount_cents; sorted by visit.
    """
    rng = generator(seed, "web lines")
    rows = np.flatnonzero(steps["is_added"])
    visit, product = steps["visit"][rows], steps["product"][rows]
    quantity = 1 + (rng.random(len(rows)) < 0.1)
    is_chf = np.zeros(len(rows), dtype=bool)
    return {"visit": visit, "product": product, "quantity": quantity} | price_lines(
        products, product, quantity, visits["coupon"][visit], is_chf
    )


def choose_coupons(seed: int, people: People, visits: Columns) -> np.ndarray:
    """Coupon per visit, -1 where none is used."""
    rng = generator(seed, "coupons")
    uses = rng.random(length(visits)) < coupon_chance(people, visits["person"])
    return np.where(uses, pick(rng, [0.4, 0.25, 0.35], length(visits)), -1)


def price_lines(
    products: Columns, product: np.ndarray, quantity: np.ndarray, coupon: np.ndarray, is_chf: np.ndarray
) -> Columns:
    """Net amount, cost and discount of lines in cents of their currency."""
    vat = np.where(is_chf, VAT["CH"], VAT["DE"])
    factor = np.where(is_chf, CHF_PRICE, 1.0)
    full = np.round(quantity * products["price_cents"][product] * factor / vat)
    share = np.where(coupon >= 0, COUPON_SHARES[coupon], 0.0)
    discount = np.round(full * share)
    cost = np.round(quantity * products["cost_cents"][product] * np.where(is_chf, 1 / CHF_EUR, 1.0))
    return {
        "net_cents": (full - discount).astype(np.int64),
        "cost_cents": cost.astype(np.int64),
        "discount_cents": discount.astype(np.int64),
    }


def make_sales(
    seed: int,
    clock: Clock,
    people: People,
    products: Columns,
    visits: Columns,
    confirmed: np.ndarray,
    online: Columns,
    purchases: Columns,
    fixed: Columns,
    missions: Columns,
) -> Sales:
    """Bring web orders and other purchases into one ledger, sorted by time.

    Parameters
    ----------
    confirmed : ndarray
        UTC seconds of the confirmation page per visit.
    online : Columns
        Of `web_lines`.
    purchases, fixed : Columns
        Of `demand.make_purchases`.
    """
    rng = generator(seed, "sales")
    bought = np.flatnonzero(visits["depth"] == ORDER)
    online = take(online, np.flatnonzero(visits["depth"][online["visit"]] == ORDER))
    mission = visits["mission"][bought]
    same = np.full(len(bought), -1)
    person = visits["person"][bought]
    web = {
        "time": np.floor(confirmed[bought]).astype(np.int64),
        "person": person,
        "channel": np.full(len(bought), WEB),
        "store": same,
        "region": people.region[person],
        "visit": bought,
        "cause": missions["cause"][mission],
        "wave": missions["wave"][mission],
        "coupon": visits["coupon"][bought],
        "is_guest": visits["is_guest"][bought],
    }
    count = length(purchases)
    seconds = np.where(purchases["channel"] == STORE, rng.normal(14.2, 2.3, count).clip(9.5, 19.9) * 3600, 0)
    seconds = np.where(purchases["channel"] == PHONE, rng.uniform(8, 20, count) * 3600, seconds)
    seconds = np.where(purchases["channel"] == FIELD, rng.uniform(8, 17, count) * 3600, seconds)
    seconds = np.where(purchases["channel"] == APP, times_of_day(rng, count), seconds)
    same = np.full(count, -1)
    other = {name: purchases[name] for name in ("person", "channel", "store", "region", "cause", "wave")} | {
        "time": clock.instant(purchases["day"], seconds.astype(np.int64)),
        "visit": same,
        "coupon": np.where(rng.random(count) < 0.03, 0, -1),
        "is_guest": np.zeros(count, dtype=bool),
    }
    orders = stack([web, other])
    orders["is_test"] = rng.random(length(orders)) < 0.004 * (orders["cause"] < 0) * (orders["channel"] != WEB)
    orders["is_chf"] = (orders["channel"] == STORE) & (orders["region"] == len(REGIONS) - 1)

    basket = store_lines(rng, clock, purchases, fixed)
    weights = products["popularity"].reshape(len(CATEGORIES), PRODUCTS_PER_CATEGORY)
    product = basket["category"] * PRODUCTS_PER_CATEGORY + pick_rows(rng, weights, basket["category"])
    order = basket["purchase"] + len(bought)
    priced = price_lines(products, product, basket["quantity"], orders["coupon"][order], orders["is_chf"][order])
    lines = stack(
        [
            {"order": np.searchsorted(bought, online["visit"])} | {k: v for k, v in online.items() if k != "visit"},
            {"order": order, "product": product, "quantity": basket["quantity"]} | priced,
        ]
    )
    by_time = np.argsort(orders["time"], kind="stable")
    rank = np.empty(len(by_time), dtype=np.int64)
    rank[by_time] = np.arange(len(by_time))
    orders = take(orders, by_time)
    lines["order"] = rank[lines["order"]]
    lines = take(lines, np.argsort(lines["order"], kind="stable"))
    lines["number"] = within(lines["order"]) + 1
    _live(rng, clock, orders, lines)
    return Sales(orders, lines)


def _live(rng: np.random.Generator, clock: Clock, orders: Columns, lines: Columns) -> None:
    """Add what happens to orders later: shipping, cancellation, returns, late deliveries of the record itself."""
    count = length(orders)
    day = clock.day_of(orders["time"])
    channel = orders["channel"]
    at_once = channel == STORE
    known = day + np.where(at_once & (rng.random(count) < 0.004), 1, 0)
    cancelled = rng.random(count) < np.array([0.03, 0.015, 0.0, 0.02, 0.01])[channel]
    shipped = np.where(at_once | cancelled, NEVER, known + rng.integers(1, 4, count))
    chance = np.array([category.returns for category in CATEGORIES])[lines["product"] // PRODUCTS_PER_CATEGORY]
    chance = chance * np.array([1.0, 0.3, 0.08, 1.0, 0.2])[channel][lines["order"]]
    comes_back = (rng.random(length(lines)) < chance) & ~cancelled[lines["order"]]
    part = np.ceil(rng.random(length(lines)) * lines["quantity"]).astype(np.int64)
    lines["returned"] = np.where(comes_back, part, 0)
    back = np.bincount(lines["order"], lines["returned"], count)
    total = np.bincount(lines["order"], lines["quantity"], count)
    after = np.where(at_once, known, shipped) + rng.integers(4, 22, count)
    orders |= {
        "day": day,
        "day_known": known,
        "day_shipped": shipped,
        "day_cancelled": np.where(cancelled, known + rng.integers(1, 4, count), NEVER),
        "day_returned": np.where(back > 0, after, NEVER),
        "initial": np.where(at_once, 2, 0),
        "last": np.where(back == total, 4, 5),
    }
    for name in ("net_cents", "discount_cents"):
        orders[name] = np.bincount(lines["order"], lines[name], count).astype(np.int64)
    vat = np.where(orders["is_chf"], VAT["CH"], VAT["DE"])
    orders["gross_cents"] = np.round(orders["net_cents"] * vat).astype(np.int64)


def versions(sales: Sales) -> Columns:
    """Every delivered state of every order.

    Returns
    -------
    Columns
        order, day (of the delivery), status (index of `STATUS`), has_lines (lines come with it), is_returned.
    """
    orders = sales.orders
    index = np.arange(length(orders))
    parts = []
    for column, status, has_lines in (
        ("day_known", orders["initial"], True),
        ("day_shipped", 2, False),
        ("day_cancelled", 3, False),
        ("day_returned", orders["last"], True),
    ):
        happens = orders[column] < NEVER
        parts.append(
            {
                "order": index[happens],
                "day": orders[column][happens],
                "status": np.broadcast_to(np.asarray(status), len(index))[happens],
                "has_lines": np.full(happens.sum(), has_lines),
                "is_returned": np.full(happens.sum(), column == "day_returned"),
            }
        )
    rows = stack(parts)
    return take(rows, np.lexsort((rows["order"], rows["day"])))


def order_ids(orders: Columns) -> np.ndarray:
    """Numbers as the ERP system gives them: one range per sales channel, by time."""
    ids = np.empty(length(orders), dtype=object)
    for channel, letter in enumerate("WAFTV"):
        rows = np.flatnonzero(orders["channel"] == channel)
        ids[rows] = [f"{letter}{1_000_001 + i}" for i in range(len(rows))]
    return ids


def store_ids(store: np.ndarray) -> np.ndarray:
    return np.array([*(s[0] for s in STORES), ""], dtype=object)[store]
