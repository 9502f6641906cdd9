"""Daily series side by side: where each begins and ends, what is 0 and what is missing."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(12)]
WEATHER = ("temperature_max_celsius", "temperature_deviation_celsius", "precipitation_mm", "sunshine_minutes")
AFTER = DAYS[-1] + timedelta(days=1)  # beyond the last business day


def day_row(number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Visits begin on the third day, orders on the second; the sixth day has neither."""
    sessions = 0 if number < 2 or number == 5 else int(rng.integers(20, 40))
    orders = 0 if number < 1 or number == 5 else int(rng.integers(1, 9))
    return {
        "kpi_date": DAYS[number],
        "sessions": sessions,
        "web_conversions": sessions // 7,
        "orders": orders,
        "revenue_eur": orders * 20.05,
        "cost_eur": 0,
    }


def world(seed: int) -> dict[str, list[dict[str, Any]]]:
    rng = np.random.default_rng(seed)
    holiday = {DAYS[0], DAYS[5]}
    weather = {"precipitation_mm": 1.5, "sunshine_minutes": 60.0, "temperature_deviation_celsius": -1.25}
    cells = [("all", "all"), ("BY", "all"), ("all", "Garten")]
    sales = [
        {"sale_date": day, "region": region, "category": category, "units": float(number)}
        | {"temperature_max_celsius": None if number == 3 else float(number - 4)} | weather
        for number, day in enumerate(DAYS[1:], 1)
        for region, category in cells
    ]  # fmt: skip
    posts = [
        {"post_date": day, "network": network, "topic": topic}
        | {"posts": int(rng.integers(1, 9)), "sentiment": round(float(rng.uniform(-1, 1)), 3)}
        for day in (*DAYS[2:5], *DAYS[6:9], AFTER)
        for network in ("mastodon", "bluesky")
        for topic in ("other", "preis")
    ]  # fmt: skip
    costs = [
        {"activity_date": day, "channel": channel, "cost_eur": cost}
        for channel, spent in {
            "paid_search": [0, 0, 10.25, 0, 12.5],
            "tv": [0, 100.0],
            "email": [3.1],
            "direct": [None],
        }.items()
        for day, cost in zip(DAYS, spent, strict=False)
    ]
    return {
        "dim_dates": [{"date_day": day, "is_holiday": day in holiday} for day in DAYS],
        "rpt_kpis_daily": [day_row(number, rng) for number in range(len(DAYS))],
        "fct_sales_weather_daily": sales,
        "fct_social_daily": posts,
        "fct_channel_daily": costs,
    }


def by_hand(rows: dict[str, list[dict[str, Any]]]) -> dict[tuple[str, str, date], float]:
    found: dict[tuple[str, str, date], float | None] = {}
    kpis = rows["rpt_kpis_daily"]
    first_order = min(row["kpi_date"] for row in kpis if row["orders"])
    first_visit = min(row["kpi_date"] for row in kpis if row["sessions"])
    for row in kpis:
        day, sessions, orders = row["kpi_date"], row["sessions"], row["orders"]
        if day >= first_order:
            found["internal", "orders", day] = orders
            found["internal", "revenue_eur", day] = row["revenue_eur"]
            found["internal", "order_value_eur", day] = row["revenue_eur"] / orders if orders else None
        if day >= first_visit:
            found["internal", "visits", day] = sessions
            found["internal", "visit_conversion_share", day] = row["web_conversions"] / sessions if sessions else None
    for row in rows["fct_sales_weather_daily"]:
        if row["region"] == row["category"] == "all":
            found["internal", "units", row["sale_date"]] = row["units"]
            for name in WEATHER:
                found["external", name, row["sale_date"]] = row[name]
    for row in rows["dim_dates"]:
        found["external", "is_holiday", row["date_day"]] = float(row["is_holiday"])
    social = rows["fct_social_daily"]
    first_post = min(row["post_date"] for row in social)
    for day in DAYS:
        of_day = [row for row in social if row["post_date"] == day]
        number = sum(row["posts"] for row in of_day)
        if day >= first_post:
            found["external", "social_posts", day] = number
        if number >= 10:
            mean = sum(row["posts"] * row["sentiment"] for row in of_day) / number
            found["external", "social_sentiment", day] = mean
    last_cost = max(row["activity_date"] for row in rows["fct_channel_daily"] if row["cost_eur"] is not None)
    for name, channels in {"all": {"paid_search", "tv", "email"}, "paid_search": {"paid_search"}, "tv": {"tv"}}.items():
        spent = {day: 0.0 for day in DAYS if day <= last_cost}
        for row in rows["fct_channel_daily"]:
            if row["channel"] in channels:
                spent[row["activity_date"]] += row["cost_eur"]
        began = min(day for day, cost in spent.items() if cost > 0)
        found |= {("external", f"spend_{name}", day): cost for day, cost in spent.items() if day >= began}
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize("seed", range(5))
def test_values_are_those_counted_by_hand(seed: int) -> None:
    rows = world(seed)
    frame = run_model("fct_series_daily", **rows)
    days = pd.to_datetime(frame["series_date"]).dt.date
    found = dict(zip(zip(frame["side"], frame["series"], days, strict=True), frame["value"], strict=True))
    assert len(found) == len(frame)
    assert found == pytest.approx(by_hand(rows), abs=1e-6)


def test_a_shop_without_anything_has_only_its_calendar() -> None:
    calendar = [{"date_day": day, "is_holiday": False} for day in DAYS]
    kpis = [{"kpi_date": day, "sessions": 0, "orders": 0, "revenue_eur": 0, "cost_eur": 0} for day in DAYS]
    frame = run_model("fct_series_daily", dim_dates=calendar, rpt_kpis_daily=kpis)
    assert set(frame["series"]) == {"is_holiday"}
    assert len(frame) == len(DAYS)
