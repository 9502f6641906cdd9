"""How far each visit gets, and which visits end in an order."""

from __future__ import annotations

import numpy as np

from orchestration.sources.demo.assortment import CATEGORIES, CHANNEL, CHANNELS, GARDEN, WATER
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick_rows, take
from orchestration.sources.demo.people import People
from orchestration.sources.demo.story import Story

BOUNCE, BROWSE, PRODUCT, BASKET, CHECKOUT, SHIPPING, PAYMENT, ORDER = range(8)
#: Probability to get from each depth to the next, for an average visit of a mission.
STEPS = (0.58, 0.80, 0.155, 0.48, 0.82, 0.86, 0.84)
DEFECT_FACTOR = 0.35
SHIPPING_UPLIFT = 1.35
_INTENT = {"direct": 1.2, "organic_search": 1.0, "paid_search": 1.15, "paid_social": 0.6, "organic_social": 0.6}
_INTENT |= {"display": 0.5, "email": 1.25, "referral": 0.8, "affiliate": 1.3, "tv": 0.8, "catalog": 1.4}


def garden_season(clock: Clock) -> np.ndarray:
    """Demand for garden furniture: the calendar alone decides, not the weather of the day."""
    return 0.25 + 2.4 * np.exp(-(((clock.year_share - 0.40) / 0.12) ** 2))


def in_defect(clock: Clock, story: Story, visits: Columns) -> np.ndarray:
    """Visits that meet the broken checkout."""
    day = clock.day_of(visits["start"])
    return (visits["device_type"] == 1) & (day >= story.defect[0]) & (day < story.defect[1])


def arms(seed: int, name: str, clock: Clock, visits: Columns, span: tuple[int, int]) -> np.ndarray:
    """Arm per visit of an on-site test: 0 control, 1 treatment, -1 not in the test.

    The cookie decides, so that a visitor always sees the same shop.
    """
    rng = generator(seed, f"test {name}")
    arm = rng.integers(2, size=int(visits["cookie"].max()) + 1)[visits["cookie"]]
    day = clock.day_of(visits["start"])
    return np.where((day >= span[0]) & (day < span[1]) & visits["has_consent"] & ~visits["kiosk"], arm, -1)


def run_funnel(seed: int, clock: Clock, story: Story, people: People, visits: Columns, forced: np.ndarray) -> Columns:
    """Decide depth and interest per visit and drop visits after the order of their mission.

    Parameters
    ----------
    visits : Columns
        Of `make_visits` and `choose_devices`, sorted by mission and start.
    forced : ndarray of bool
        Per mission: its last visit ends in an order.

    Returns
    -------
    Columns
        The visits that happen, with depth, category, arm_shipping, arm_exit, signs_in, is_guest, service (0).
    """
    rng = generator(seed, "funnel")
    count, person = length(visits), visits["person"]
    day = clock.day_of(visits["start"])
    is_mobile = visits["device_type"] == 1
    intent = np.array([_INTENT.get(name, 1.0) for name in CHANNELS])[visits["channel"]]
    intent = intent * np.choose(np.minimum(visits["number"], 2), [0.85, 1.15, 1.3])
    intent *= np.where(people.is_customer[person], 1.2, 0.9)
    visits["arm_shipping"] = arms(seed, "shipping", clock, visits, story.shipping_test)
    visits["arm_exit"] = arms(seed, "exit", clock, visits, story.exit_test)
    reach = np.tile(np.array(STEPS), (count, 1))
    reach[:, :3] *= intent[:, None] ** np.array([0.35, 0.15, 0.9])
    reach[:, 2] *= np.where(is_mobile, 0.85, 1.1)
    reach[:, 3] *= np.where(visits["arm_shipping"] == 1, SHIPPING_UPLIFT, 1.0)
    reach[:, 4:] *= np.where(is_mobile, 0.95, 1.02)[:, None]
    reach[:, 5] *= np.where(in_defect(clock, story, visits), DEFECT_FACTOR, 1.0)
    passed = rng.random(reach.shape) < np.minimum(reach, 0.97)
    depth = np.cumprod(passed, axis=1).sum(axis=1)

    mission = visits["mission"]
    last = np.r_[mission[1:] != mission[:-1], True]
    depth = np.where(forced[mission], np.where(last, ORDER, np.minimum(depth, PAYMENT)), depth)
    orders = depth == ORDER
    before = np.cumsum(orders) - orders
    starts = np.flatnonzero(np.r_[True, mission[1:] != mission[:-1]])
    before -= np.repeat(before[starts], np.diff(np.r_[starts, count]))
    visits["depth"] = depth
    # Somebody thinks of one kind of thing during a mission, so the interest is drawn per mission.
    weights = np.tile([c.web for c in CATEGORIES], (clock.length, 1))
    weights[:, GARDEN] *= garden_season(clock)
    weights[:, WATER] = 0.0
    first = np.r_[True, mission[1:] != mission[:-1]]
    interest = pick_rows(rng, weights, day[first])
    visits["category"] = np.repeat(interest, np.diff(np.r_[starts, count]))
    signs_in = np.where(depth >= CHECKOUT, 0.8, 0.22) * people.is_customer[person]
    visits["signs_in"] = ((rng.random(count) < signs_in) | visits["kiosk"]) & visits["has_consent"]
    is_guest = rng.random(count) < np.where(people.is_customer[person], 0.1, 0.4)
    visits["is_guest"] = is_guest & (depth == ORDER) & ~visits["signs_in"]
    visits["service"] = np.zeros(count, dtype=np.int64)
    return take(visits, np.flatnonzero(before == 0))


def service_visits(seed: int, clock: Clock, visits: Columns) -> Columns:
    """Visits after an order: where is my parcel, how do I send it back.

    Returns
    -------
    Columns
        The same columns; `depth` is `BOUNCE`, `mission` -1, and `service` 1 (order status) or 2 (return).
    """
    rng = generator(seed, "service")
    orders = np.flatnonzero((visits["depth"] == ORDER) & (rng.random(length(visits)) < 0.55))
    again = take(visits, orders)
    delay = 86400 * (1 + rng.exponential(2.5, len(orders))) + rng.normal(0, 7200, len(orders))
    again["start"] = again["start"] + np.maximum(delay, 43200)
    again["depth"] = np.full(len(orders), BOUNCE)
    again["mission"] = np.full(len(orders), -1)
    again["channel"] = np.where(rng.random(len(orders)) < 0.7, CHANNEL["direct"], CHANNEL["organic_search"])
    again["issue"] = np.full(len(orders), -1)
    again["signs_in"] = again["has_consent"] & ~again["is_guest"]
    again["is_guest"] = np.zeros(len(orders), dtype=bool)
    again["service"] = np.where(rng.random(len(orders)) < 0.2, 2, 1)
    fresh = int(visits["cookie"].max()) + 1 + np.arange(len(orders))
    again["cookie"] = np.where(again["has_consent"], again["cookie"], fresh)
    again["arm_shipping"] = np.full(len(orders), -1)
    again["arm_exit"] = np.full(len(orders), -1)
    return take(again, np.flatnonzero(clock.day_of(again["start"]) < clock.length))
