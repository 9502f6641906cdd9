"""Journeys of business accounts against a walk over each account's contacts and orders."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.dbt_project.runner import run_model

START = datetime(2025, 6, 1, tzinfo=UTC)
AS_OF = date(2026, 9, 30)
LIMIT = timedelta(days=180)
ROLES = ["buyer", "engineer", None]


def world(rng: random.Random) -> dict[str, list[dict[str, Any]]]:
    """Six persons in three accounts and one in none, with contacts at any time and orders with ties."""
    customers = [
        {"customer_key": f"k{i}", "account_id": f"a{i % 3}" if i < 6 else None, "role": ROLES[i % 3 - i // 3]}
        for i in range(7)
    ]
    contacts = [
        {
            "touchpoint_id": f"t{i:02}",
            "person_id": f"p{rng.randrange(7)}",
            "occurred_at": START + timedelta(days=rng.randrange(0, 480)),
            "channel": rng.choice(["email", "direct", "field"]),
            "campaign_id": rng.choice([None, "c"]),
            "touchpoint_type": rng.choice(["visit", "call"]),
            "is_path_contact": rng.random() < 0.9,
        }
        for i in range(30)
    ]
    orders = []
    for i in range(8):
        person = rng.randrange(7)
        at = rng.choice(contacts)["occurred_at"] if rng.random() < 0.5 else START + timedelta(days=rng.randrange(480))
        account = rng.choice([f"a{person % 3}" if person < 6 else None, "a9"])
        orders.append((f"o{i}", person, at, account))
    return {
        "stg_sales__customers": customers,
        "int_identity__customers": [{"customer_key": f"k{i}", "person_id": f"p{i}"} for i in range(7)],
        "int_journeys__touchpoints": contacts,
        "int_sales__conversions": [
            {
                "conversion_id": name,
                "order_id": name,
                "person_id": f"p{person}",
                "converted_at": at,
                "sales_channel": "field",
                "revenue_eur": 100,
                "margin_eur": 40,
            }
            for name, person, at, _ in orders
        ],
        "stg_sales__orders": [{"order_id": name, "account_id": account} for name, _, _, account in orders],
    }


def obvious_journeys(rows: dict[str, list[dict[str, Any]]]) -> dict[str, tuple[Any, ...]]:
    """By journey id: account, order, touchpoints in order, roles of its contacts."""
    account_of = {f"p{c['customer_key'][1:]}": c["account_id"] for c in rows["stg_sales__customers"]}
    role_of = {f"p{c['customer_key'][1:]}": c["role"] or "unknown" for c in rows["stg_sales__customers"]}
    placed = {order["order_id"]: order["account_id"] for order in rows["stg_sales__orders"]}
    lines: dict[str, list[tuple[datetime, int, str, str]]] = {}
    for contact in rows["int_journeys__touchpoints"]:
        if contact["is_path_contact"] and (account := account_of[contact["person_id"]]):
            entry = (contact["occurred_at"], 0, contact["touchpoint_id"], contact["person_id"])
            lines.setdefault(account, []).append(entry)
    for order in rows["int_sales__conversions"]:
        if account := placed[order["order_id"]] or account_of[order["person_id"]]:
            entry = (order["converted_at"], 1, order["order_id"], order["person_id"])
            lines.setdefault(account, []).append(entry)
    journeys: dict[str, tuple[Any, ...]] = {}

    def close(account: str, open_: list[tuple[datetime, int, str, str]]) -> None:
        order = open_[-1] if open_ and open_[-1][1] else None
        contacts = [entry for entry in open_ if not entry[1]]
        near = [entry for entry in contacts if order and order[0] - entry[0] <= LIMIT]
        far = [entry for entry in contacts if entry not in near]
        if far:
            roles = [role_of[entry[3]] for entry in far]
            journeys[f"lost:{far[0][2]}"] = (account, None, [entry[2] for entry in far], roles)
        if order:
            roles = [role_of.get(entry[3], "unknown") for entry in near or [order]]
            if not near and not account_of[order[3]]:
                roles = ["unknown"]
            journeys[f"order:{order[2]}"] = (account, order[2], [entry[2] for entry in near], roles)

    for account, entries in lines.items():
        open_: list[tuple[datetime, int, str, str]] = []
        for entry in sorted(entries):
            if open_ and entry[0] - open_[-1][0] > LIMIT:
                close(account, open_)
                open_ = []
            open_.append(entry)
            if entry[1]:
                close(account, open_)
                open_ = []
        close(account, open_)
    return journeys


@pytest.mark.parametrize("seed", range(40))
def test_journeys_are_those_of_the_walk(seed: int) -> None:
    rows = world(random.Random(seed))
    expected = obvious_journeys(rows)
    steps = run_model("int_journeys__account_steps", **rows).sort_values("step_number")
    found = {
        journey: (group["account_id"].iloc[0], group["conversion_id"].iloc[0], group["touchpoint_id"].dropna().tolist())
        for journey, group in steps.groupby("account_journey_id")
    }
    assert found == {journey: values[:3] for journey, values in expected.items()}
    marts = run_model("fct_account_journeys", int_calendar__as_of=[{"as_of_date": AS_OF}], **rows)
    for journey in marts.itertuples():
        _, order, contacts, roles = expected[journey.account_journey_id]
        shares = [n / len(roles) for n in Counter(roles).values()]
        assert journey.breadth == pytest.approx(math.exp(-sum(share * math.log(share) for share in shares)))
        assert journey.role_count == len(set(roles))
        assert journey.touchpoint_count == len(contacts)
        assert float(journey.revenue_eur) == (100 if order else 0)
        assert journey.is_converted == (order is not None)


def test_equal_roles_are_as_broad_as_their_number() -> None:
    at = [START + timedelta(days=day) for day in range(3)]
    row = run_model(
        "fct_account_journeys",
        int_journeys__account_steps=[
            {"account_journey_id": "j", "account_id": "a", "role": role, "occurred_at": at[i], "step_number": i + 1}
            for i, role in enumerate(["buyer", "engineer", "head"])
        ],
        int_calendar__as_of=[{"as_of_date": date(2025, 11, 30)}],
    ).iloc[0]
    assert row["breadth"] == pytest.approx(3)
    assert row["end_date"] == date(2025, 6, 3)
    assert row["is_open"]  # the 180th day
