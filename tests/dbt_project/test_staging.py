"""What staging promises: the latest delivery, the local day, one currency, the channel by the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest

from tests.dbt_project.runner import run_model


def event(event_id: str = "e1", delivered: date = date(2026, 3, 1), **columns: Any) -> dict[str, Any]:
    row = {
        "event_id": event_id,
        "occurred_at": datetime(2026, 3, 1, 12, tzinfo=UTC),
        "event_name": "page_view",
        "visitor_id": "v",
        "page_url": "https://www.shop.example/p/1",
        "_source": "web",
        "_delivery_date": delivered,
        "_row_number": 1,
    }
    return row | columns


def staged(*rows: dict[str, Any]) -> dict[str, Any]:
    (row,) = run_model("stg_web__events", web_events=list(rows)).to_dict("records")
    return row


def test_the_latest_delivery_of_a_key_wins_whatever_was_loaded_last() -> None:
    late_load = datetime(2026, 4, 1, tzinfo=UTC)
    row = staged(
        event(delivered=date(2026, 3, 1), category="old", _loaded_at=late_load),
        event(delivered=date(2026, 3, 2), category="new", _loaded_at=datetime(2026, 3, 3, tzinfo=UTC)),
    )
    assert row["category"] == "new"
    assert row["delivery_count"] == 2


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), date(2026, 3, 28)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), date(2026, 3, 29)),  # the 23 hour day begins
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), date(2026, 3, 30)),  # and ends an hour earlier
        (datetime(2026, 10, 25, 22, 59, tzinfo=UTC), date(2026, 10, 25)),  # the 25 hour day
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), date(2026, 10, 26)),
    ],
)
def test_local_days_around_the_change_of_clocks(instant: datetime, day: date) -> None:
    assert staged(event(occurred_at=instant))["event_date"] == day


@pytest.mark.parametrize(
    ("signals", "channel"),
    [
        ({}, None),
        ({"referrer_url": "https://www.shop.example/"}, None),
        ({"referrer_url": "https://www.paypal.com/checkout"}, None),
        ({"utm_source": "(direct)", "utm_medium": "(none)"}, None),
        ({"referrer_url": "https://www.google.com/"}, "organic_search"),
        ({"referrer_url": "https://duckduckgo.com/"}, "organic_search"),
        ({"referrer_url": "https://m.facebook.com/"}, "organic_social"),
        ({"referrer_url": "https://www.pinterest.de/pin/1"}, "organic_social"),
        ({"referrer_url": "https://blog.example/post"}, "referral"),
        ({"utm_source": "google", "utm_medium": "cpc", "utm_campaign": "brand"}, "paid_search"),
        ({"utm_source": "Facebook", "utm_medium": "CPC"}, "paid_social"),
        ({"utm_source": "tiktok", "utm_medium": "paid_social"}, "paid_social"),
        ({"utm_source": "criteo", "utm_medium": "display"}, "display"),
        ({"utm_source": "newsletter", "utm_medium": "email"}, "email"),
        ({"utm_source": "awin", "utm_medium": "affiliate"}, "affiliate"),
        ({"utm_source": "tv", "utm_medium": "tv"}, "tv"),
        ({"utm_source": "katalog", "utm_medium": "print"}, "catalog"),
        ({"utm_medium": "social"}, "organic_social"),
        ({"utm_medium": "organic"}, "organic_search"),
        ({"utm_medium": "paid_search"}, "paid_search"),
        ({"click_id": "gclid:abc", "referrer_url": "https://www.google.com/"}, "paid_search"),
        ({"click_id": "fbclid:abc", "referrer_url": "https://l.facebook.com/"}, "organic_social"),
        ({"utm_medium": "pigeon"}, "other"),
    ],
)
def test_channels(signals: dict[str, str], channel: str | None) -> None:
    row = staged(event(**signals))
    assert row["channel"] == channel
    assert row["campaign_id"] == signals.get("utm_campaign")


def test_lateness_counts_from_the_first_delivery_and_spares_the_backfill() -> None:
    rows = [
        event("backfill", date(2026, 3, 1), occurred_at=datetime(2026, 1, 1, 12, tzinfo=UTC)),
        event("on time", date(2026, 3, 1)),
        event("late", date(2026, 3, 3)),
        event("too late", date(2026, 3, 9)),
        event("again", date(2026, 3, 1)),
        event("again", date(2026, 3, 9)),
        event("snapshot", date(1970, 1, 1), _source="snapshot"),
    ]
    frame = run_model("stg_web__events", web_events=rows)
    days_late = dict(zip(frame["event_id"], frame["days_late"], strict=True))
    assert days_late == {"backfill": 0, "on time": 0, "late": 2, "too late": 8, "again": 0, "snapshot": 0}


def test_a_page_is_counted_once_whether_or_not_its_page_view_is_sent() -> None:
    rows = [
        event("p", event_name="page_view", page_type="product"),
        event("i", event_name="view_item", page_type="product"),
        event("l", event_name="view_item_list", page_type="list"),
        event("b", event_name="add_to_cart", page_type="list"),
        event("o", event_name="view_item", page_type="product", _source="other shop"),
        event("s", event_name="view_search_results", page_type="search"),
    ]
    frame = run_model("stg_web__events", web_events=rows).set_index("event_id")
    assert frame["is_pageview"].to_dict() == {"p": True, "i": False, "l": True, "b": False, "o": True, "s": True}
    assert frame.loc["s", "event_name"] == "search"


def test_money_is_converted_and_never_taken_at_face_value() -> None:
    rows = [
        {"order_id": order_id, "ordered_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "net_amount": 100, "currency": code}
        for order_id, code in (("eur", "EUR"), ("chf", "chf"), ("usd", "USD"))
    ]
    frame = run_model("stg_sales__orders", orders=rows).set_index("order_id")
    assert float(frame.loc["eur", "net_amount_eur"]) == 100
    assert float(frame.loc["chf", "net_amount_eur"]) == 105
    assert frame.loc["usd", "net_amount_eur"] is None


@pytest.mark.slow
def test_the_reporting_currency_is_a_setting() -> None:
    rows = [
        {"order_id": code, "ordered_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "net_amount": 100, "currency": code}
        for code in ("EUR", "CHF")
    ]
    in_francs = run_model("stg_sales__orders", {"currency": "CHF"}, orders=rows).set_index("order_id")
    assert float(in_francs.loc["EUR", "net_amount_eur"]) == pytest.approx(95.24)
    assert float(in_francs.loc["CHF", "net_amount_eur"]) == 100


def test_a_missing_rate_blocks_and_names_currency_and_day() -> None:
    order = {"order_id": "o", "order_date": date(2026, 3, 1), "net_amount": 100, "currency": "USD"}
    with pytest.raises(duckdb.Error, match="no exchange rate for USD on 2026-03-01"):
        run_model("stg_sales__orders_net_amount_has_rate", stg_sales__orders=[order])
    assert run_model("stg_sales__orders_net_amount_has_rate", stg_sales__orders=[]).empty


def test_regions_by_postal_code_else_by_store() -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    base = {"ordered_at": at, "net_amount": 1, "currency": "EUR"}
    rows = [
        base | {"order_id": "dresden", "ship_postal_code": "01067", "ship_country": "DE"},
        base | {"order_id": "no country", "ship_postal_code": "10115"},
        base | {"order_id": "zurich", "ship_postal_code": "8001", "ship_country": "CH"},
        base | {"order_id": "carried home", "store_id": "s1"},
        base | {"order_id": "nowhere"},
    ]
    stores = [{"store_id": "s1", "name": "Hamburg", "postal_code": "20095", "country": "DE"}]
    frame = run_model("stg_sales__orders", orders=rows, stores=stores).set_index("order_id")
    assert frame["region"].to_dict() == {
        "dresden": "east",
        "no country": "berlin",
        "zurich": "swiss",
        "carried home": "north",
        "nowhere": None,
    }
