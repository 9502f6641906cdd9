"""What is known of a customer when a list is drawn: nothing of that day or later, and not today's segment."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from tests.dbt_project.catalog.test_recipients import DROP, order, recipient
from tests.dbt_project.runner import run_model

LIST_DAY = DROP - timedelta(days=14)


def customer(key: str, **columns: Any) -> dict[str, Any]:
    row = {"customer_key": key, "first_order_date": DROP - timedelta(days=400), "consent_marketing": True}
    return row | columns


def rows(model: str, mailings: list[dict[str, Any]], **frames: Any) -> dict[tuple[str, str], dict[str, Any]]:
    customers = frames.pop("customers", [customer(row["customer_key"]) for row in mailings])
    as_of = [{"first_date": DROP - timedelta(days=400), "as_of_date": DROP + timedelta(days=90)}]
    found = run_model(
        model,
        stg_marketing__mailings=mailings,
        stg_sales__customers=customers,
        int_identity__customers=[
            {"customer_key": row["customer_key"], "person_id": row["customer_key"].partition(".")[0]}
            for row in customers
        ],
        int_calendar__as_of=as_of,
        **frames,
    )
    return {(row["mailing_id"], row["customer_key"]): row for row in found.to_dict("records")}


def test_knowledge_ends_the_day_before_the_list_and_the_placebo_begins_there() -> None:
    orders = [order(f"o{days}", "a", days) for days in (-380, -379, -105, -104, -15, -14, -1, 0, 5)]
    row = rows("int_catalog__features", [recipient("a")], int_sales__conversions=orders)["spring", "a"]
    assert pd.Timestamp(row["list_date"]).date() == LIST_DAY
    assert (row["orders_365"], row["demand_365_eur"]) == (4, 400)
    assert row["orders_90"] == 2
    assert row["days_since_last_order"] == 1
    assert row["placebo_demand_eur"] == 200


def test_a_segment_is_that_of_before_the_list() -> None:
    versions = [
        {"customer_key": "a", "delivery_date": LIST_DAY - timedelta(days=days), "segment": segment}
        for days, segment in ((50, "cold"), (1, "warm"), (0, "hot"), (-20, "boiling"))
    ] + [{"customer_key": "b", "delivery_date": LIST_DAY + timedelta(days=3), "segment": "late"}]
    mailings = [recipient("a"), recipient("b"), recipient("c")]
    found = rows("int_catalog__features", mailings, stg_sales__customer_segments=versions)
    assert [found["spring", key]["segment"] for key in "abc"] == ["warm", "late", "unknown"]


def test_earlier_catalogs_count_and_being_held_out_does_not() -> None:
    earlier = DROP - timedelta(days=100)
    mailings = [
        recipient("a"),
        recipient("b"),
        recipient("a", mailing_id="winter", dropped_date=earlier),
        recipient("b", mailing_id="winter", arm="holdout", dropped_date=earlier),
    ]
    customers = [customer("a"), customer("b")]
    found = rows("int_catalog__features", mailings, customers=customers)
    assert [found["spring", key]["mailings_365"] for key in "ab"] == [1, 0]


def test_without_a_holdout_customers_of_that_day_stand_in() -> None:
    customers = [
        customer("a"),
        customer("a.2"),
        customer("b"),
        customer("no", consent_marketing=False),
        customer("new", first_order_date=LIST_DAY),
    ]
    found = rows("int_catalog__audience", [recipient("a")], customers=customers)
    assert {key: row["arm"] for (mailing, key), row in found.items() if mailing == "spring"} == {
        "a": "catalog",
        "b": "not mailed",
    }
    held_out = rows("int_catalog__audience", [recipient("a"), recipient("b", arm="holdout")], customers=customers)
    assert {key for mailing, key in held_out if mailing == "spring"} == {"a", "b"}


def test_only_those_who_consent_may_be_next_and_a_person_only_once() -> None:
    customers = [
        customer("a"),
        customer("a.2"),
        customer("no", consent_marketing=False),
        customer("silent", consent_marketing=None),
    ]
    found = rows("int_catalog__audience", [recipient("a")], customers=customers)
    assert [key for mailing, key in found if mailing == "next"] == ["a"]
