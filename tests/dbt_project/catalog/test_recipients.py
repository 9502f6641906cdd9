"""Catalog recipients: whose demand counts, in which window, and what matchback would claim."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from tests.dbt_project.runner import run_model

DROP = date(2026, 3, 1)


def recipient(customer: str, arm: str = "catalog", **columns: Any) -> dict[str, Any]:
    row = {"mailing_id": "spring", "customer_key": customer, "arm": arm, "dropped_date": DROP, "unit_cost_eur": 0.9}
    return row | columns


def order(order_id: str, person: str, days: int, revenue: float = 100, **columns: Any) -> dict[str, Any]:
    day = DROP + timedelta(days=days)
    row = {
        "order_id": order_id, "person_id": person, "customer_key": person, "conversion_date": day,
        "converted_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "revenue_eur": revenue,
        "margin_eur": revenue * 0.4, "sales_channel": "web",
    }  # fmt: skip
    return row | columns


def recipients(rows: list[dict[str, Any]], orders: list[dict[str, Any]], as_of: int = 90) -> dict[str, dict[str, Any]]:
    persons = [
        {"customer_key": row["customer_key"], "person_id": row["customer_key"].partition(".")[0]} for row in rows
    ]
    frame = run_model(
        "fct_catalog_recipients",
        stg_marketing__mailings=rows,
        int_identity__customers=persons,
        int_sales__conversions=orders,
        int_calendar__as_of=[{"first_date": DROP, "as_of_date": DROP + timedelta(days=as_of)}],
    )
    return frame.set_index("customer_key").to_dict("index")


def test_the_window_begins_the_day_after_and_ends_with_its_last_day() -> None:
    orders = [order(f"o{days}", "a", days) for days in (-366, -365, -1, 0, 1, 60, 61)]
    row = recipients([recipient("a")], orders)["a"]
    assert (row["orders"], float(row["demand_eur"]), float(row["margin_eur"])) == (2, 200, 80)
    assert (row["pre_orders"], float(row["pre_demand_eur"])) == (2, 200)
    assert (row["days_since_last_order"], row["recency_class"]) == (1, "0-90 days")
    assert row["window_days"] == 60


def test_every_channel_counts_for_everyone_but_matchback_credits_only_who_got_it() -> None:
    orders = [order("o1", "a", 5, sales_channel="store"), order("o2", "b", 5, sales_channel="phone")]
    rows = recipients([recipient("a"), recipient("b", arm="holdout", unit_cost_eur=None, dropped_date=None)], orders)
    assert [float(rows[key]["demand_eur"]) for key in "ab"] == [100, 100]
    assert [float(rows[key]["matchback_demand_eur"]) for key in "ab"] == [100, 0]
    assert [float(rows[key]["cost_eur"]) for key in "ab"] == [0.9, 0]
    assert [rows[key]["is_holdout"] for key in "ab"] == [False, True]
    assert [pd.Timestamp(rows[key]["dropped_date"]).date() for key in "ab"] == [DROP, DROP]


def test_an_order_of_a_person_listed_twice_is_counted_once() -> None:
    orders = [order("o1", "a", 5, customer_key="a.2"), order("o2", "a", 6, customer_key="guest")]
    rows = recipients([recipient("a.1"), recipient("a.2", arm="holdout")], orders)
    assert [rows[key]["orders"] for key in ("a.1", "a.2")] == [1, 1]


def test_a_window_that_is_not_over_is_not_complete() -> None:
    assert recipients([recipient("a")], [], as_of=60)["a"]["is_complete"]
    assert not recipients([recipient("a")], [], as_of=59)["a"]["is_complete"]


def test_unknown_cost_makes_the_margin_unknown_and_no_order_is_no_margin() -> None:
    rows = recipients([recipient("a"), recipient("b")], [order("o1", "a", 5, margin_eur=None), order("o2", "a", 6)])
    assert pd.isna(rows["a"]["margin_eur"])
    assert float(rows["b"]["margin_eur"]) == 0
    assert rows["b"]["recency_class"] == "none known"
