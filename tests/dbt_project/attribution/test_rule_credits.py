"""All rule models against ten lines of obvious Python each."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_project.runner import run_model

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2026, 4, 1)
HALF_LIFE_DAYS = 7

contacts = st.tuples(
    st.integers(0, 30 * 24), st.sampled_from(["direct", "email", "paid_search"]), st.sampled_from([None, "c1", "c2"])
)
worlds = st.lists(st.lists(contacts, min_size=1, max_size=8), min_size=1, max_size=10)

Path = list[tuple[int, str, str | None]]


def obvious_credits(path: Path) -> dict[tuple[str, str, str], float]:
    """Credit per model, channel and campaign of one order; the path is in order of time."""
    n = len(path)
    not_direct = [i for i, (_, channel, _) in enumerate(path) if channel != "direct"]
    decay = [2.0 ** ((hour - path[-1][0]) / 24 / HALF_LIFE_DAYS) for hour, _, _ in path]
    weights = {
        "first": [float(i == 0) for i in range(n)],
        "last": [float(i == n - 1) for i in range(n)],
        "last_non_direct": [float(i == (not_direct or [n - 1])[-1]) for i in range(n)],
        "linear": [1 / n] * n,
        "position": [1 / n] * n if n < 3 else [0.4, *[0.2 / (n - 2)] * (n - 2), 0.4],
        "time_decay": [weight / sum(decay) for weight in decay],
    }
    credits: dict[tuple[str, str, str], float] = {}
    for model, shares in weights.items():
        for (_, channel, campaign), share in zip(path, shares, strict=True):
            key = (model, channel, campaign or "")
            credits[key] = credits.get(key, 0) + share
    return {key: credit for key, credit in credits.items() if credit}


def frames(world: list[Path]) -> dict[str, list[dict[str, Any]]]:
    steps = [
        {
            "journey_id": f"order:{order}",
            "conversion_id": f"o{order}",
            "step_number": i + 1,
            "occurred_at": START + timedelta(hours=hour),
            "channel": channel,
            "campaign_id": campaign,
        }
        for order, path in enumerate(world)
        for i, (hour, channel, campaign) in enumerate(path)
    ]
    orders = [
        {
            "conversion_id": f"o{order}",
            "order_id": f"o{order}",
            "person_bucket": order,
            "conversion_date": DAY,
            "revenue_eur": 10 + order,
            "margin_eur": 1 + order,
        }
        for order in range(len(world))
    ]
    return {"int_journeys__steps": steps, "int_sales__conversions": orders}


@settings(max_examples=60, deadline=None)
@given(worlds)
def test_every_rule_model_equals_its_obvious_twin(world: list[Path]) -> None:
    world = [sorted(path, key=lambda contact: contact[0]) for path in world]
    frame = run_model("int_attribution__bucket_credits", **frames(world))
    modelled = {
        (row.person_bucket, row.model, row.channel, row.campaign_id): (row.conversions, row.revenue_eur, row.margin_eur)
        for row in frame.itertuples()
    }
    expected = {
        (order, *key): (credit, credit * (10 + order), credit * (1 + order))
        for order, path in enumerate(world)
        for key, credit in obvious_credits(path).items()
    }
    assert modelled.keys() == expected.keys()
    for key, values in expected.items():
        assert modelled[key] == pytest.approx(values, rel=1e-12)
    for _, total in frame.groupby(["model", "person_bucket"])["conversions"].sum().items():
        assert math.isclose(total, 1, rel_tol=1e-12)
