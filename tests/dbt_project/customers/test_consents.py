"""Who may be scored and who addressed: silence is consent only where nobody is ever asked."""

from __future__ import annotations

from typing import Any

from tests.dbt_project.runner import run_model

#: Persons of the shop; p3 has two customer numbers.
NUMBERS = [
    {"customer_key": key, "person_id": person}
    for key, person in (("c1", "p1"), ("c2", "p2"), ("c3", "p3"), ("c4", "p3"), ("c5", "p5"))
]


def allowed(customers: list[dict[str, Any]]) -> dict[str, tuple[bool, bool]]:
    """May be scored, may be addressed."""
    frame = run_model("int_customers__consents", int_identity__customers=NUMBERS, stg_sales__customers=customers)
    return {row.person_id: (row.allows_scores, row.allows_campaigns) for row in frame.itertuples()}


def customer(key: str, analytics: bool | None, marketing: bool | None) -> dict[str, Any]:
    return {"customer_key": key, "consent_analytics": analytics, "consent_marketing": marketing}


def test_one_no_of_several_numbers_counts_and_a_missing_row_is_no_consent() -> None:
    found = allowed(
        [
            customer("c1", True, True),
            customer("c2", True, None),
            customer("c3", True, True),
            customer("c4", False, True),
        ]
    )
    assert found == {"p1": (True, True), "p2": (True, False), "p3": (False, False), "p5": (False, False)}


def test_a_shop_that_delivers_no_consents_follows_the_setting() -> None:
    assert allowed([customer("c1", None, None)]) == dict.fromkeys(("p1", "p2", "p3", "p5"), (True, False))
