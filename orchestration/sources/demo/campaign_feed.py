"""Marketing files: spend, mailings, contacts outside the web shop, on-site tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick, stack, take
from orchestration.sources.demo.customers import Customers
from orchestration.sources.demo.deliver import to_table, write_lines
from orchestration.sources.demo.demand import PHONE, STORE
from orchestration.sources.demo.mailings import ARMS, PAGES, UNIT_COST_CENTS, Mailings, mailing_id
from orchestration.sources.demo.media import CAMPAIGNS, MEDIA, MediaPlan
from orchestration.sources.demo.missions import newsletters
from orchestration.sources.demo.people import People
from orchestration.sources.demo.sales import Sales, store_ids
from orchestration.sources.demo.sizes import Size
from orchestration.sources.demo.story import Story

COMMISSION = 0.08
CENTS_PER_MAIL = 1.1
CENTS_PER_ISSUE = 1500
OPENS = 0.27
_IMPRESSIONS = {"paid_search": 24, "paid_social": 75, "display": 320, "affiliate": 18, "email": 0, "tv": 0}


def write_csv(
    con: duckdb.DuckDBPyConnection, directory: Path, name: str, clock: Clock, columns: Columns, last: int
) -> None:
    """Write UTF-8 CSV files by day from columns with `delivery` (sorted); `*_at` columns are UTC seconds."""
    con.register("rows", to_table(columns))
    names = [column for column in columns if column != "delivery"]
    fields = [
        f"strftime(make_timestamp({column} * 1000000), '%Y-%m-%dT%H:%M:%SZ')" if column.endswith("_at") else column
        for column in names
    ]
    line = " || ',' || ".join(f"coalesce(CAST({field} AS VARCHAR), '')" for field in fields)
    directory.mkdir(parents=True, exist_ok=True)
    write_lines(
        con.sql(
            f"SELECT delivery, {line} || chr(10) AS line FROM rows WHERE delivery < {last} ORDER BY delivery"
        ).to_arrow_table(),
        lambda day: directory / f"{name}_{clock.date(day):%Y%m%d}.csv",
        0,
        last,
        header=",".join(names) + "\n",
    )


def spend_rows(
    clock: Clock, size: Size, people: People, plan: MediaPlan, visits: Columns, way: np.ndarray,
    ways: Mapping[str, list[str]], sales: Sales,
) -> Columns:  # fmt: skip
    """One row per day and campaign that cost something, in cents.

    Returns
    -------
    Columns
        day, channel, campaign_id, platform, campaign_name, cents, impressions, clicks; sorted by day.
    """
    days = clock.length
    visit_day = clock.day_of(visits["start"])
    row_of = {campaign: index for index, campaign in enumerate(ways["campaign"]) if campaign}
    clicks = np.zeros((len(ways["campaign"]), days), dtype=np.int64)
    np.add.at(clicks, (way, visit_day), 1)
    bought = np.flatnonzero(sales.orders["visit"] >= 0)
    bought_way = way[sales.orders["visit"][bought]]
    bought_day = sales.orders["day"][bought]
    parts = []

    def add(day: np.ndarray, campaign: str, channel: str, platform: str, name: str, cents: np.ndarray) -> None:
        seen = clicks[row_of[campaign], day] if campaign in row_of else np.zeros(len(day), dtype=np.int64)
        costs = {"channel": channel, "campaign_id": campaign, "platform": platform, "campaign_name": name}
        seen = np.where(seen > 0, seen + seen // 9, 0)
        parts.append(
            {"day": day, "cents": np.round(cents).astype(np.int64), "clicks": seen}
            | {"impressions": seen * _IMPRESSIONS[channel] + (day * 7919 % 13) * (seen > 0)}
            | {key: np.full(len(day), value, dtype=object) for key, value in costs.items()}
        )

    everyday = np.arange(days)
    spend = {media.channel: plan.spend[i] for i, media in enumerate(MEDIA)}
    for campaign, channel, platform, name, share in CAMPAIGNS:
        if channel in spend:
            cents = spend[channel] * share * 100 * size.web
            kept = cents >= 0.5
            add(everyday[kept], campaign, channel, platform, name, cents[kept])
        else:
            mine = bought_way == row_of[campaign]
            net = np.bincount(bought_day[mine], sales.orders["net_cents"][bought[mine]], days)
            kept = net > 0
            add(everyday[kept], campaign, channel, platform, name, net[kept] * COMMISSION)
    for flight in np.unique(plan.tv_flight[plan.tv_flight > 0]):
        day = np.flatnonzero((plan.tv_flight == flight) & (spend["tv"] > 0))
        add(day, f"tv_flight_{flight}", "tv", "tv_agency", f"TV-Welle {flight}", spend["tv"][day] * 100 * size.trade)
    readers = people.gets_newsletter.sum()
    for issue in newsletters(clock):
        cost = np.array([readers * CENTS_PER_MAIL + CENTS_PER_ISSUE * size.web])
        add(np.array([issue.day]), issue.campaign_id, "email", "mailer", f"Newsletter {issue.campaign_id[3:]}", cost)
    rows = stack(parts)
    return take(rows, np.argsort(rows["day"], kind="stable"))


def mailing_rows(clock: Clock, mailings: Mailings, customers: Customers) -> Columns:
    recipients = mailings.recipients
    arm = recipients["arm"]
    rows: Columns = {
        "delivery": recipients["day"],
        "mailing_id": np.array([mailing_id(w) for w in recipients["wave"].tolist()], dtype=object),
        "customer_key": customers.account_key[recipients["person"]],
        "arm": np.array(ARMS, dtype=object)[arm],
        "dropped_at": clock.midnights[recipients["day"]] + 8 * 3600,
        "unit_cost": np.array([f"{c / 100:.2f}" for c in UNIT_COST_CENTS], dtype=object)[arm],
        "currency": np.full(len(arm), "EUR", dtype=object),
        "wave": np.array([f"Welle {w + 1}" for w in recipients["wave"].tolist()], dtype=object),
        "page_count": np.array(PAGES)[arm],
    }
    return rows


def touchpoint_rows(seed: int, size: Size, clock: Clock, people: People, sales: Sales, customers: Customers) -> Columns:
    """Newsletters, calls, store visits and reviews; `day` is the day of the delivery."""
    rng = generator(seed, "touchpoints")
    orders, parts = sales.orders, []

    def add(
        at: np.ndarray,
        kind: str,
        direction: str,
        key: np.ndarray,
        channel: str,
        outcome: object,
        campaign: object = "",
        store: object = "",
    ) -> None:
        same = {"touchpoint_type": kind, "direction": direction, "channel": channel, "outcome": outcome}
        same |= {"campaign_id": campaign, "store_id": store}
        parts.append(
            {"occurred_at": at.astype(np.int64), "customer_key": key}
            | {k: np.broadcast_to(np.asarray(v, dtype=object), len(at)) for k, v in same.items()}
        )

    readers = np.flatnonzero(people.gets_newsletter)
    for issue in newsletters(clock):
        sent = clock.midnights[issue.day] + 6 * 3600 + np.arange(len(readers)) % 1800
        key = customers.account_key[readers]
        bounced = rng.random(len(readers)) < 0.01
        outcome = np.where(bounced, "bounced", "delivered")
        add(sent, "newsletter_sent", "outbound", key, "email", outcome, issue.campaign_id)
        opened = np.flatnonzero((rng.random(len(readers)) < OPENS) & ~bounced)
        delay = rng.exponential(5 * 3600, len(opened))
        add(sent[opened] + delay, "newsletter_open", "inbound", key[opened], "email", "opened", issue.campaign_id)
    phoned = np.flatnonzero((orders["channel"] == PHONE) & ~orders["is_test"])
    before = orders["time"][phoned] - rng.integers(120, 600, len(phoned))
    add(before, "call", "inbound", customers.order_key[phoned], "call_centre", "order")
    known = np.flatnonzero((orders["channel"] == STORE) & (orders["person"] >= 0) & ~orders["is_test"])
    stores = store_ids(orders["store"])
    before = orders["time"][known] - rng.integers(60, 1500, len(known))
    key = customers.order_key[known]
    add(before, "store_visit", "inbound", key, "store", "purchase", store=stores[known])
    existing = np.flatnonzero(people.is_customer)
    cards = np.flatnonzero(people.has_card)

    def some(rate: float, among: np.ndarray, opened: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        day = np.repeat(np.arange(clock.length), rng.poisson(rate * size.trade * opened))
        person = among[pick(rng, people.activity[among], len(day))]
        return clock.instant(day, (9 * 3600 + rng.random(len(day)) * 10 * 3600).astype(np.int64)), person

    at, person = some(2.5, existing, clock.weekdays < 6)
    outcome = np.array(["advice", "complaint", "delivery"], dtype=object)[pick(rng, [0.5, 0.2, 0.3], len(at))]
    add(at, "call", "inbound", customers.account_key[person], "call_centre", outcome)
    at, person = some(5.0, cards, clock.is_open)
    nearest = np.array(["F01", "F03", "F05", "F07", "F10", "F12"], dtype=object)[people.region[person]]
    add(at, "store_visit", "inbound", customers.account_key[person], "store", "no_purchase", store=nearest)
    at, person = some(0.8, existing, np.ones(clock.length))
    outcome = np.array(["1", "3", "4", "5"], dtype=object)[pick(rng, [0.1, 0.15, 0.35, 0.4], len(at))]
    add(at, "review", "inbound", customers.account_key[person], "other", outcome)
    rows = stack(parts)
    rows = take(rows, np.argsort(rows["occurred_at"], kind="stable"))
    day = clock.day_of(rows["occurred_at"])
    inside = np.flatnonzero((day >= 0) & (day < clock.length))
    rows = take(rows, inside)
    ids = np.array([f"T{i:08d}" for i in range(len(inside))], dtype=object)
    return {"delivery": day[inside], "touchpoint_id": ids} | rows


def experiment_rows(clock: Clock, story: Story, visits: Columns, visitor_ids: np.ndarray) -> Columns:
    """First contact of every visitor with each on-site test."""
    parts = []
    for name, arm in (("shipping", visits["arm_shipping"]), ("exit", visits["arm_exit"])):
        seen = np.flatnonzero(arm >= 0)
        seen = seen[np.argsort(visits["start"][seen], kind="stable")]
        _, first = np.unique(visits["cookie"][seen], return_index=True)
        seen = seen[np.sort(first)]
        parts.append(
            {
                "delivery": clock.day_of(visits["start"][seen]),
                "experiment_id": np.full(len(seen), EXPERIMENTS[name], dtype=object),
                "unit_id": visitor_ids[visits["cookie"][seen]],
                "unit_type": np.full(len(seen), "visitor", dtype=object),
                "arm": np.array(["control", "treatment"], dtype=object)[arm[seen]],
                "assigned_at": visits["start"][seen].astype(np.int64),
                "campaign_id": np.full(len(seen), f"onsite_{name}", dtype=object),
            }
        )
    rows = stack(parts)
    return take(rows, np.argsort(rows["delivery"], kind="stable"))


EXPERIMENTS = {"shipping": "onsite_free_shipping", "exit": "onsite_exit_intent"}


def spend_csv(clock: Clock, rows: Columns) -> Columns:
    """Spend rows with the columns of the file."""
    dates = np.array([f"{clock.date(d):%Y-%m-%d}" for d in range(clock.length)], dtype=object)
    return {
        "delivery": rows["day"],
        "spend_date": dates[rows["day"]],
        "channel": rows["channel"],
        "campaign_id": rows["campaign_id"],
        "platform": rows["platform"],
        "campaign_name": rows["campaign_name"],
        "cost": np.array([f"{c / 100:.2f}" for c in rows["cents"].tolist()], dtype=object),
        "currency": np.full(length(rows), "EUR", dtype=object),
        "impressions": rows["impressions"],
        "clicks": rows["clicks"],
    }
