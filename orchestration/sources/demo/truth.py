"""What is really so in the shop: the answers that every estimator is judged against."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from orchestration.sources.demo import campaign_feed, demand, funnel, mailings, media, web_feed
from orchestration.sources.demo.assortment import CATEGORIES, CHANNELS, GARDEN, RAIN, REGIONS, WATER
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, length, take
from orchestration.sources.demo.ledger import counts, order_cents
from orchestration.sources.demo.people import KIOSKS, SEGMENTS, TASTES, People
from orchestration.sources.demo.sales import Sales
from orchestration.sources.demo.signal_feed import post_ids
from orchestration.sources.demo.sizes import Size
from orchestration.sources.demo.story import Span, Story
from orchestration.sources.demo.weather import GAP_LOCATION, Weather, shares

SESSION_GAP_SECONDS = 1800


def _text(values: np.ndarray) -> pa.Array:
    return pa.array(values.astype(object), pa.string())


def devices_table(
    clock: Clock, story: Story, visits: Columns, visitor_ids: np.ndarray, people: People, known_at: np.ndarray
) -> pa.Table:
    """One row per visitor id of a person: whose device it is, and since when a shop can know that.

    `known_since` is the day on which it first signed in or bought, with consent, and `is_known` says whether that was
    in the history: only then it can be recognised at all.

    Parameters
    ----------
    known_at : ndarray
        UTC seconds of the sign-in or order of each visit, infinite where there is none.
    """
    cookie, first = np.unique(visits["cookie"], return_index=True)
    instants = {}
    for name, values in (("seen", visits["start"]), ("known", known_at)):
        earliest = np.full(len(visitor_ids), np.inf)
        np.minimum.at(earliest, visits["cookie"], values)
        instants[name] = earliest[cookie]
    known_day = np.where(np.isfinite(instants["known"]), clock.day_of(instants["known"]), clock.length)
    is_ever = known_day < clock.length
    pairs = np.unique(np.stack([visits["cookie"], visits["person"]]), axis=1)
    users = np.bincount(pairs[0], minlength=len(visitor_ids))
    # The owner of a device is who has it as the first device, not who borrows it.
    owner = np.full(len(people.device_type) + KIOSKS, -1)
    for slot in reversed(range(people.devices.shape[1])):
        has = np.flatnonzero(people.devices[:, slot] >= 0)
        owner[people.devices[has, slot]] = has
    device, kiosk, consent = (visits[name][first] for name in ("device", "kiosk", "has_consent"))
    return pa.table(
        {
            "visitor_id": _text(visitor_ids[cookie]),
            "person": np.where(kiosk, -1, np.where(consent, owner[device], visits["person"][first])),
            "device": device,
            "device_type": _text(np.array(["desktop", "mobile", "tablet"])[visits["device_type"][first]]),
            "first_seen": pa.array(clock.dates[clock.day_of(instants["seen"])]),
            "known_since": pa.array(clock.dates[np.where(is_ever, known_day, 0)], mask=~is_ever),
            "is_known": known_day < story.days,
            "is_shared": users[cookie] > 1,
            "is_kiosk": kiosk,
            "has_consent": consent,
        }
    )


def people_table(people: People, account_keys: np.ndarray) -> pa.Table:
    """One row per person; `account_key` is the customer number, empty without an account."""
    return pa.table(
        {
            "person": np.arange(people.count),
            "account_key": _text(account_keys),
            "taste": _text(np.array(TASTES)[people.taste]),
            "segment": _text(np.array(SEGMENTS)[people.segment]),
            "region": _text(np.array([r.code for r in REGIONS])[people.region]),
            "has_consent": people.has_consent,
        }
    )


def customers_table(records: Columns) -> pa.Table:
    """One row per customer number, guests included."""
    return pa.table(
        {"customer_key": _text(records["key"]), "person": records["person"], "is_guest": records["is_guest"]}
    )


def posts_table(posts: Columns) -> pa.Table:
    """One row per post."""
    return pa.table(
        {
            "post_id": _text(post_ids(posts).astype(str)),
            "sentiment": posts["sentiment"],
            "topic": _text(posts["topic"]),
            "is_storm": posts["is_storm"],
        }
    )


def web_facts(clock: Clock, events: Columns, visits: Columns, days: int, bot_count: int) -> dict[str, Any]:
    """Counts of what was delivered in the history, and the visits of people in it.

    A visit ends with 30 minutes without an event; what counts are the events delivered, once each, without broken ones.
    """
    events = take(events, np.flatnonzero(events["delivery"] < days))
    lag = events["delivery"] - clock.day_of(events["time"])
    original, sound = ~events["is_copy"], ~events["is_broken"]
    human = events["visit"] < length(visits)
    seen = take(events, np.flatnonzero(original & sound & human))
    cookie = visits["cookie"][seen["visit"]]
    order = np.lexsort((seen["time_us"], cookie))
    gap = np.diff(seen["time_us"][order]) > SESSION_GAP_SECONDS * 1_000_000
    sessions = int((gap | (np.diff(cookie[order]) != 0)).sum()) + (length(seen) > 0)
    return {
        "rows": length(events),
        "duplicates": int((~original).sum()),
        "broken": int((~sound).sum()),
        "late_1_to_3_days": int((original & (lag > 0) & (lag <= 3)).sum()),
        "later_than_3_days": int((original & (lag > 3)).sum()),
        "human_events": length(seen),
        "bot_events": int((original & sound & ~human).sum()),
        "bots": bot_count,
        "sessions": sessions,
        "session_gap_seconds": SESSION_GAP_SECONDS,
    }


def sales_facts(sales: Sales, days: int) -> dict[str, Any]:
    """Totals after the deliveries of the history."""
    orders, cents = sales.orders, order_cents(sales)
    is_returned = orders["day_returned"] < days
    known = orders["day_known"] < days
    counted = counts(sales, days)
    money = {
        name: int(np.where(is_returned, cents[f"{name}_kept"], cents[name])[counted].sum())
        for name in ("revenue", "margin")
    }
    whole = is_returned & (orders["last"] == 4)
    return {
        "orders": int(known.sum()),
        "orders_counted": int((counted & ~whole).sum()),
        "test_orders": int((known & orders["is_test"]).sum()),
        "cancelled_orders": int((known & ~orders["is_test"] & (orders["day_cancelled"] < days)).sum()),
        "returned_orders": int((counted & whole).sum()),
        "partly_returned_orders": int((counted & is_returned & ~whole).sum()),
        "chf_orders": int((counted & orders["is_chf"]).sum()),
        "revenue_eur": f"{money['revenue'] / 100:.2f}",
        "margin_eur": f"{money['margin'] / 100:.2f}",
    }


def media_table(
    clock: Clock, size: Size, plan: media.MediaPlan, missions: Columns, sales: Sales, last: int
) -> pa.Table:
    """One row per channel and day: spend, pressure, saturation, and what the channel really caused.

    Orders and revenue stand on the day of the order, missions on the day of their first visit.
    """
    cents, counted = order_cents(sales), counts(sales, clock.length)
    parts = []
    for i, channel in enumerate(media.MEDIA):
        scale = size.trade if channel.channel == "tv" else size.web
        code = CHANNELS.index(channel.channel)
        mine = np.flatnonzero((sales.orders["cause"] == code) & counted)
        day = sales.orders["day"][mine]
        started = missions["day"][missions["cause"] == code]
        columns = {
            "date": clock.dates,
            "channel": np.full(clock.length, channel.channel, dtype=object),
            "spend_eur": plan.spend[i] * scale,
            "pressure_eur": plan.pressure[i] * scale,
            "saturation": plan.saturation[i],
            "missions": np.bincount(started, minlength=clock.length),
            "orders": np.bincount(day, minlength=clock.length),
            "revenue_eur": np.bincount(day, cents["revenue_kept"][mine], clock.length) / 100,
            "margin_eur": np.bincount(day, cents["margin_kept"][mine], clock.length) / 100,
        }
        parts.append({name: values[:last] for name, values in columns.items()})
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return pa.table({k: _text(v) if v.dtype == object else pa.array(v) for k, v in rows.items()})


def media_facts(size: Size, table: pa.Table, spend: Columns, days: int) -> dict[str, Any]:
    """Response curve and realised return of each channel over the history."""
    result: dict[str, Any] = {}
    names = np.array(table["channel"].to_pylist(), dtype=object)
    for channel in media.MEDIA:
        mine = np.flatnonzero(names == channel.channel)[:days]
        sums = {
            name: table[name].to_numpy()[mine].sum() for name in ("missions", "orders", "revenue_eur", "margin_eur")
        }
        cost = spend["cents"][(spend["channel"] == channel.channel) & (spend["day"] < days)].sum() / 100
        scale = size.trade if channel.channel == "tv" else size.web
        result[channel.channel] = {
            "adstock_carry_over": channel.carry_over,
            "hill_half_saturation_eur": channel.half_saturation * scale,
            "hill_slope": channel.slope,
            "missions_per_day_at_saturation": channel.effect * size.web,
            "store_orders_per_day_at_saturation": channel.store_effect * size.trade,
            "spend_eur": round(float(cost), 2),
            "incremental_missions": int(sums["missions"]),
            "incremental_orders": int(sums["orders"]),
            "incremental_revenue_eur": round(float(sums["revenue_eur"]), 2),
            "incremental_margin_eur": round(float(sums["margin_eur"]), 2),
            "roas": round(float(sums["revenue_eur"] / cost), 3) if cost else None,
        }
    return {
        "response": "effect x pressure^slope / (pressure^slope + half_saturation^slope), where pressure is "
        "carry_over x pressure of yesterday + (1 - carry_over) x spend of today",
        "channels": result,
    }


def weather_facts(weather: Weather, size: Size, days: int) -> dict[str, Any]:
    """The climate and what it does to sales; units per day are those of the whole country on an average weekday."""
    national = shares() @ weather.daily_maximum
    return {
        "climate": "simulated: hotter than any German summer, so that the bend at 40 degrees can be seen",
        "days_above_40": int((national[:days] > 40).sum()),
        "effects": {
            CATEGORIES[WATER].name: {
                "verdict": "supported",
                "variable": "temperature_max_celsius",
                "lag_days": 0,
                "threshold": demand.WATER_BEND,
                "units_per_day_base": demand.WATER_BASE * size.trade,
                "slope_below": demand.WATER_PER_DEGREE * size.trade,
                "slope_above": demand.WATER_BEYOND * size.trade,
            },
            CATEGORIES[RAIN].name: {
                "verdict": "supported",
                "variable": "precipitation_mm",
                "lag_days": 0,
                "units_per_day_base": demand.RAIN_BASE * size.trade,
                "slope": demand.RAIN_PER_MM * size.trade,
            },
            CATEGORIES[GARDEN].name: {"verdict": "season only"},
        },
        "regions": {
            region.code: {"location_id": region.location_id, "country": region.country, "share": region.share}
            for region in REGIONS
        },
    }


def catalog_facts(sent: mailings.Mailings, people: People, sales: Sales, days: int) -> dict[str, Any]:
    """Extra orders per recipient and segment, as planned and as they came out, and what that means per catalog."""
    inside = take(sent.recipients, np.flatnonzero(sent.recipients["day"] < days))
    extra = take(sent.orders, np.flatnonzero(sent.orders["day"] < days))
    cents, counted = order_cents(sales), counts(sales, days)
    mine = np.flatnonzero((sales.orders["cause"] == CHANNELS.index("catalog")) & counted)
    worth = {k: float(cents[f"{k}_kept"][mine].mean()) / 100 if len(mine) else 0.0 for k in ("revenue", "margin")}
    costs = np.array(mailings.UNIT_COST_CENTS) / 100
    segments = {}
    for index, name in enumerate(SEGMENTS):
        arm = inside["arm"][people.segment[inside["person"]] == index]
        is_followup = extra["is_followup"][people.segment[extra["person"]] == index]
        lift, more = mailings.CATALOG_LIFT[name], mailings.FOLLOWUP_LIFT[name]
        segments[name] = {
            "holdout": int((arm == 0).sum()),
            "recipients": int((arm > 0).sum()),
            "followup_recipients": int((arm == 2).sum()),
            "extra_orders_per_recipient": lift,
            "followup_extra_orders_per_recipient": more,
            "extra_orders": int((~is_followup).sum()),
            "followup_extra_orders": int(is_followup.sum()),
            "profit_eur_per_recipient": round(lift * worth["margin"] - costs[1], 3),
            "followup_profit_eur_per_recipient": round(more * worth["margin"] - (costs[2] - costs[1]), 3),
        }
    return {
        "arms": dict(zip(mailings.ARMS, mailings.ARM_SHARES, strict=True)),
        "unit_cost_eur": dict(zip(mailings.ARMS, costs.tolist(), strict=True)),
        "revenue_per_extra_order_eur": round(worth["revenue"], 2),
        "margin_per_extra_order_eur": round(worth["margin"], 2),
        "segments": segments,
    }


def _span(clock: Clock, days: Span) -> dict[str, str]:
    return {"first": clock.date(days[0]).isoformat(), "last": clock.date(days[1] - 1).isoformat()}


def _rate(passed: np.ndarray, among: np.ndarray) -> float | None:
    return round(float(passed[among].mean()), 4) if among.any() else None


def _test_facts(visits: Columns, arm: np.ndarray) -> dict[str, Any]:
    """Realised share of visits with a basket that reach the checkout, by arm."""
    basket, checkout = visits["depth"] >= funnel.BASKET, visits["depth"] >= funnel.CHECKOUT
    return {
        name: {"visits": int((arm == code).sum()), "checkout_per_basket": _rate(checkout, basket & (arm == code))}
        for code, name in enumerate(("control", "treatment"))
    }


def story_facts(clock: Clock, story: Story, visits: Columns) -> dict[str, Any]:
    """The planted events: when they are, how strong they were meant to be, and how strong they came out."""
    day, mobile = clock.day_of(visits["start"]), visits["device_type"] == 1
    during = (day >= story.defect[0]) & (day < story.defect[1])
    shipping, payment = visits["depth"] >= funnel.SHIPPING, visits["depth"] >= funnel.PAYMENT
    return {
        "checkout_defect": {
            **_span(clock, story.defect),
            "device": "mobile",
            "step": ["add_shipping_info", "add_payment_info"],
            "step_conversion_factor": funnel.DEFECT_FACTOR,
            "step_conversion_during": _rate(payment, shipping & mobile & during),
            "step_conversion_else": _rate(payment, shipping & mobile & ~during),
        },
        "social_storm": {**_span(clock, story.storm), "volume_factor": 10, "sales_effect": 0.0},
        "weather_gap": {**_span(clock, story.weather_gap), "location_id": REGIONS[GAP_LOCATION].location_id},
        "experiments": {
            campaign_feed.EXPERIMENTS["shipping"]: {
                **_span(clock, story.shipping_test),
                "step": ["add_to_cart", "begin_checkout"],
                "relative_uplift": round(funnel.SHIPPING_UPLIFT - 1, 4),
                **_test_facts(visits, visits["arm_shipping"]),
            },
            campaign_feed.EXPERIMENTS["exit"]: {
                **_span(clock, story.exit_test),
                "relative_uplift": 0.0,
                **_test_facts(visits, visits["arm_exit"]),
            },
        },
        "lateness_shares": list(web_feed.LATENESS),
        "duplicate_share": web_feed.DUPLICATE_SHARE,
    }
