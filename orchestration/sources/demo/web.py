"""What happens inside a visit: pages, clicks, and how long people look at them."""

from __future__ import annotations

import numpy as np

from orchestration.sources.demo.assortment import CATEGORIES, CHANNEL, CHANNELS, PRODUCTS_PER_CATEGORY
from orchestration.sources.demo.columns import Columns, generator, length, pick, pick_rows, stack, take, within
from orchestration.sources.demo.funnel import BASKET, BROWSE, CHECKOUT, ORDER, PAYMENT, PRODUCT, SHIPPING
from orchestration.sources.demo.people import People

PAGES = (
    *("home", "landing", "content", "list", "search", "product", "review", "compare", "wishlist", "stores", "chat"),
    *("cart", "checkout", "shipping", "payment", "confirmation", "account", "order_status", "returns", "error"),
)
PAGE = {name: index for index, name in enumerate(PAGES)}
#: Median seconds on each page.
_SECONDS = (12, 11, 38, 20, 17, 31, 33, 30, 15, 22, 90, 20, 34, 38, 45, 18, 15, 20, 45, 6)
EVENTS = (
    *("session_start", "page_view", "view_item_list", "view_search_results", "filter", "select_promotion"),
    *("view_item", "view_review", "compare", "add_to_wishlist", "chat_open", "store_locator", "add_to_cart"),
    *("view_cart", "apply_coupon", "begin_checkout", "add_shipping_info", "add_payment_info", "payment_error"),
    *("checkout_error", "purchase", "login", "order_status", "return_request", "share", "scroll", "tab_hidden"),
    *("tab_visible", "exit_intent", "user_engagement"),
)
EVENT = {name: index for index, name in enumerate(EVENTS)}
FILTERS = ("preis:bis 50 EUR", "sortierung:preis aufsteigend", "marke", "farbe:blau", "groesse:M", "bewertung:ab 4")
SEARCHES = ("angebot", "günstig", "marke", "artikel", "geschenk")

_LANDING = {
    "direct": {"home": 0.6, "list": 0.2, "product": 0.2},
    "organic_search": {"home": 0.12, "list": 0.3, "product": 0.38, "content": 0.2},
    "paid_search": {"landing": 0.25, "list": 0.33, "product": 0.42},
    "paid_social": {"landing": 0.55, "product": 0.35, "content": 0.1},
    "organic_social": {"content": 0.5, "product": 0.3, "home": 0.2},
    "display": {"landing": 0.55, "product": 0.45},
    "email": {"landing": 0.45, "list": 0.35, "product": 0.2},
    "referral": {"content": 0.45, "home": 0.35, "product": 0.2},
    "affiliate": {"product": 0.6, "list": 0.4},
    "tv": {"landing": 0.7, "home": 0.3},
    "catalog": {"landing": 0.4, "product": 0.6},
}


def coupon_chance(people: People, person: np.ndarray) -> np.ndarray:
    return np.array([0.08, 0.02, 0.42])[people.taste[person]]


def _landing_weights() -> np.ndarray:
    weights = np.zeros((len(CHANNELS), len(PAGES)))
    for channel, shares in _LANDING.items():
        for page, share in shares.items():
            weights[CHANNEL[channel], PAGE[page]] = share
    weights[weights.sum(axis=1) == 0, PAGE["home"]] = 1
    return weights


def browse(seed: int, people: People, products: Columns, visits: Columns) -> Columns:
    """Lay out the pages of all visits in order.

    Returns
    -------
    Columns
        visit (row of `visits`), page, category (-1: none), product (-1: none), word (what is searched, index of
        `SEARCHES`, -1), is_added, start and seconds (UTC seconds and time on page); sorted by visit and start.
    """
    rng = generator(seed, "pages")
    depth, count = visits["depth"], length(visits)
    taste = people.taste[visits["person"]]
    parts: list[Columns] = []

    def add(
        visit: np.ndarray, key: np.ndarray | float, page: np.ndarray | int, is_added: np.ndarray | bool = False
    ) -> None:
        same = {"key": key, "page": page, "is_added": is_added}
        parts.append({"visit": visit} | {k: np.broadcast_to(np.asarray(v), len(visit)) for k, v in same.items()})

    everyone = np.arange(count)
    landing = pick_rows(rng, _landing_weights(), visits["channel"])
    landing = np.where(visits["service"] > 0, PAGE["account"], landing)
    add(everyone, 0.0, landing)
    served = np.flatnonzero(visits["service"] > 0)
    add(served, 0.5, PAGE["order_status"])
    add(np.flatnonzero(visits["service"] == 2), 0.7, PAGE["returns"])
    add(served[rng.random(len(served)) < 0.12], 0.8, PAGE["review"])

    lists = np.where(depth >= BROWSE, 1 + rng.poisson(0.8, count), 0)
    visit = np.repeat(everyone, lists)
    is_search = rng.random(len(visit)) < np.array([0.22, 0.5, 0.4])[taste[visit]]
    add(visit, rng.uniform(0.1, 1.0, len(visit)), np.where(is_search, PAGE["search"], PAGE["list"]))
    added = np.where(depth >= BASKET, 1 + (rng.random(count) < 0.38) + (rng.random(count) < 0.12), 0)
    viewed = np.where(depth >= PRODUCT, 1 + rng.poisson(0.9 + 0.6 * (depth >= BASKET)), 0)
    viewed = np.maximum(viewed, added)
    visit = np.repeat(everyone, viewed)
    nth = within(visit)
    key = 0.3 + (nth + rng.random(len(visit))) / viewed[visit] * 1.2
    add(visit, key, PAGE["product"], nth >= (viewed - added)[visit])
    for name, chance in (("review", 0.06), ("compare", 0.03), ("wishlist", 0.025)):
        extra = rng.random(len(visit)) < chance
        add(visit[extra], key[extra] + 1e-4, PAGE[name])
    for name, chance in (("stores", 0.02), ("chat", 0.012), ("content", 0.04), ("error", 0.004)):
        add(np.flatnonzero((depth >= BROWSE) & (rng.random(count) < chance)), 0.9, PAGE[name])
    add(np.flatnonzero((depth >= CHECKOUT) | ((depth == BASKET) & (rng.random(count) < 0.8))), 2.0, PAGE["cart"])
    pages = {CHECKOUT: "checkout", SHIPPING: "shipping", PAYMENT: "payment", ORDER: "confirmation"}
    for reached, name in pages.items():
        add(np.flatnonzero(depth >= reached), float(reached), PAGE[name])

    steps = stack(parts)
    steps = take(steps, np.lexsort((steps["key"], steps["visit"])))
    visit, page, size = steps["visit"], steps["page"], length(steps)
    has_category = np.isin(page, [PAGE[p] for p in ("list", "search", "product", "review", "compare", "wishlist")])
    other = pick(rng, [c.web + 0.01 for c in CATEGORIES], size)
    category = np.where(rng.random(size) < 0.88, visits["category"][visit], other)
    steps["category"] = np.where(has_category, category, -1)
    is_product = np.isin(page, [PAGE[p] for p in ("product", "review", "wishlist")])
    chosen = _choose_products(rng, people, products, category, visits["person"][visit])
    steps["product"] = np.where(is_product, chosen, -1)

    words = np.array([[0.05, 0.03, 0.1, 0.7, 0.12], [0.02, 0.0, 0.68, 0.25, 0.05], [0.3, 0.36, 0.04, 0.25, 0.05]])
    steps["word"] = np.where(page == PAGE["search"], pick_rows(rng, words, taste[visit]), -1)
    seconds = np.array(_SECONDS, dtype=float)[page] * np.exp(0.75 * rng.standard_normal(size))
    # A phone rings: one page in three hundred stays open so long that the visit counts as two.
    seconds = np.where(rng.random(size) < 0.003, seconds + rng.uniform(2000, 5000, size), np.clip(seconds, 1.5, 1500))
    sums = np.cumsum(seconds) - seconds
    first = np.flatnonzero(np.r_[True, visit[1:] != visit[:-1]])
    steps["start"] = visits["start"][visit] + sums - np.repeat(sums[first], np.diff(np.r_[first, size]))
    steps["seconds"] = seconds
    del steps["key"]
    return steps


def _choose_products(
    rng: np.random.Generator, people: People, products: Columns, category: np.ndarray, person: np.ndarray
) -> np.ndarray:
    """Popular products; brand-loyal people look for their brand, price-sensitive ones take the cheaper of three."""
    weights = products["popularity"].reshape(len(CATEGORIES), PRODUCTS_PER_CATEGORY)
    options = np.stack([category * PRODUCTS_PER_CATEGORY + pick_rows(rng, weights, category) for _ in range(4)])
    chosen = options[0]
    for option in options[1:]:
        is_brand = products["brand"][option] == people.brand[person]
        chosen = np.where((people.taste[person] == 1) & is_brand, option, chosen)
    for option in options[1:3]:
        is_cheaper = products["price_cents"][option] < products["price_cents"][chosen]
        chosen = np.where((people.taste[person] == 2) & is_cheaper, option, chosen)
    return chosen


def sign_in_times(seed: int, visits: Columns, steps: Columns) -> np.ndarray:
    """UTC seconds from which the person is known, infinite where it stays unknown."""
    rng = generator(seed, "sign in")
    count = length(visits)
    late = (visits["depth"] >= CHECKOUT) & (rng.random(count) < 0.7)
    at = np.where(visits["signs_in"] & ~late, visits["start"] + 2, np.inf)
    checkout = np.flatnonzero(steps["page"] == PAGE["checkout"])
    visit = steps["visit"][checkout]
    at[visit] = np.where((visits["signs_in"] & late)[visit], steps["start"][checkout] + 2, at[visit])
    # Who opens an account with the order is known from the confirmation on.
    done = np.flatnonzero(steps["page"] == PAGE["confirmation"])
    visit = steps["visit"][done]
    opens = ~visits["is_guest"][visit] & visits["has_consent"][visit] & ~visits["signs_in"][visit]
    at[visit] = np.where(opens, steps["start"][done], at[visit])
    return at


def make_events(
    seed: int, people: People, visits: Columns, steps: Columns, signed_in: np.ndarray, is_broken: np.ndarray
) -> Columns:
    """Turn pages into events.

    Parameters
    ----------
    is_broken : ndarray of bool
        Visits in which the mobile checkout has its defect.

    Returns
    -------
    Columns
        visit, time (UTC seconds), event, page, category, product, word, detail (index of `FILTERS` or per cent
        scrolled, else -1), engaged_ms (-1: none), page_number; sorted by visit and time.
    """
    rng = generator(seed, "events")
    visit, page, start, seconds = (steps[name] for name in ("visit", "page", "start", "seconds"))
    count = length(steps)
    number = within(visit)
    last = np.r_[visit[1:] != visit[:-1], True]
    taste = people.taste[visits["person"][visit]]
    parts: list[Columns] = []

    def add(
        name: str, at: np.ndarray, offset: np.ndarray | float, detail: np.ndarray | int = -1, engaged: object = -1
    ) -> None:
        same = {"event": EVENT[name], "detail": detail, "engaged_ms": engaged}
        parts.append(
            {"step": at, "time": start[at] + offset}
            | {key: np.broadcast_to(np.asarray(value), len(at)) for key, value in same.items()}
        )

    def chance(where: np.ndarray, share: np.ndarray | float) -> np.ndarray:
        return np.flatnonzero(where & (rng.random(count) < share))

    def on(*names: str) -> np.ndarray:
        return np.isin(page, [PAGE[name] for name in names])

    add("session_start", np.flatnonzero(number == 0), 0.0)
    add("page_view", np.arange(count), 0.001)
    add("view_item_list", np.flatnonzero(on("list")), 0.4)
    at = np.flatnonzero(on("search"))
    add("view_search_results", at, 0.4)
    at = chance(on("list", "search"), np.array([0.22, 0.34, 0.5])[taste])
    choices = np.array(
        [[0.15, 0.1, 0.15, 0.2, 0.3, 0.1], [0.03, 0.02, 0.65, 0.1, 0.15, 0.05], [0.4, 0.4, 0, 0.05, 0.1, 0.05]]
    )
    add("filter", at, seconds[at] * 0.4, pick_rows(rng, choices, taste[at]))
    at = chance(on("home", "landing"), 0.1)
    add("select_promotion", at, seconds[at] * 0.7)
    add("view_item", np.flatnonzero(on("product")), 0.5)
    add("view_review", np.flatnonzero(on("review")), 0.5)
    add("compare", np.flatnonzero(on("compare")), 0.5)
    add("add_to_wishlist", np.flatnonzero(on("wishlist")), 0.5)
    add("chat_open", np.flatnonzero(on("chat")), 1.0)
    add("store_locator", np.flatnonzero(on("stores")), 0.5)
    at = np.flatnonzero(steps["is_added"])
    add("add_to_cart", at, seconds[at] * 0.8)
    add("view_cart", np.flatnonzero(on("cart")), 0.4)
    at = np.flatnonzero(on("cart"))
    at = at[visits["coupon"][visit[at]] >= 0]
    add("apply_coupon", at, seconds[at] * 0.6)
    add("begin_checkout", np.flatnonzero(on("checkout")), 0.4)
    at = np.flatnonzero(on("shipping"))
    add("add_shipping_info", at, seconds[at] * 0.8)
    at = np.flatnonzero(on("payment"))
    add("add_payment_info", at, seconds[at] * 0.8)
    at = chance(on("payment") & last, 0.35)
    add("payment_error", at, seconds[at] * 0.9)
    at = chance(on("shipping") & last & is_broken[visit], 0.75)
    add("checkout_error", at, seconds[at] * 0.9)
    add("purchase", np.flatnonzero(on("confirmation")), 0.3)
    knows = np.flatnonzero(np.isfinite(signed_in) & visits["signs_in"])
    first = np.flatnonzero(number == 0)
    add("login", first[knows], signed_in[knows] - start[first[knows]])
    add("order_status", np.flatnonzero(on("order_status")), 0.5)
    at = np.flatnonzero(on("returns"))
    add("return_request", at, seconds[at] * 0.8)
    at = chance(on("product"), 0.012)
    add("share", at, seconds[at] * 0.7)
    at = chance(on("content", "product", "list", "landing") & (seconds > 8), 0.3)
    add("scroll", at, seconds[at] * 0.5, 90)
    at = chance(~on("confirmation") & (seconds > 20), 0.06)
    add("tab_hidden", at, seconds[at] * 0.3)
    add("tab_visible", at, seconds[at] * 0.3 + np.minimum(seconds[at] * 0.5, 1200))
    at = chance(last & (visits["device_type"][visit] == 0) & on("product", "cart", "list"), 0.25)
    add("exit_intent", at, seconds[at] * 0.92)
    # Closing the tab often loses the last ping; leaving a page seldom does.
    at = chance(seconds > 2, np.where(last, 0.55, 0.85))
    engaged = np.minimum(seconds[at], 900) * rng.uniform(0.75, 0.98, len(at))
    add("user_engagement", at, seconds[at] * 0.985, engaged=np.round(engaged * 1000).astype(np.int64))

    events = stack(parts)
    step = events.pop("step")
    events |= {"visit": visit[step], "page": page[step], "category": steps["category"][step]}
    events |= {"product": steps["product"][step], "word": steps["word"][step], "page_number": number[step]}
    return take(events, np.lexsort((events["event"], events["time"], events["visit"])))
