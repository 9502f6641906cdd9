"""All rule models against ten lines of obvious Python each."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.attribution import transform_path
from orchestration.settings import PROJECT_DIR
from tests.dbt_project.runner import examples, run_model

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = date(2026, 4, 1)
HALF_LIFE_DAYS = 7
QUERY = PROJECT_DIR / "orchestration/defs/ml/journey_paths.sql"

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


def obvious_kept(path: Path, transform: str) -> Path:
    """What a transform leaves of a path, contact by contact."""
    channels = [channel for _, channel, _ in path]
    others = [i for i, channel in enumerate(channels) if channel != "direct"]
    kept = list(range(len(path)))
    if transform == "exposure":
        kept = [i for i in kept if i == 0 or channels[i] != channels[i - 1]]
    elif transform == "first":
        kept = [i for i in kept if channels[i] not in channels[:i]]
    elif transform == "remove_if_not_all" and others:
        kept = others
    elif transform == "remove_if_last_and_not_all" and others:
        kept = list(range(others[-1] + 1))
    return [path[i] for i in kept]


def variables(transform: str) -> dict[str, str]:
    return {} if transform == "none" else {"attribution_transform": transform}


# Each transform costs a compilation of the project.
transforms = pytest.mark.parametrize(
    "transform",
    [
        "none",
        "remove_if_last_and_not_all",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("exposure", "first", "remove_if_not_all")),
    ],
)


@transforms
@examples(60)
@given(world=worlds)
def test_every_rule_model_equals_its_obvious_twin(transform: str, world: list[Path]) -> None:
    world = [sorted(path, key=lambda contact: contact[0]) for path in world]
    frame = run_model("int_attribution__bucket_credits", variables(transform), **frames(world))
    modelled = {
        (row.person_bucket, row.model, row.channel, row.campaign_id): (row.conversions, row.revenue_eur, row.margin_eur)
        for row in frame.itertuples()
    }
    expected = {
        (order, *key): (credit, credit * (10 + order), credit * (1 + order))
        for order, path in enumerate(world)
        for key, credit in obvious_credits(obvious_kept(path, transform)).items()
    }
    assert modelled.keys() == expected.keys()
    for key, values in expected.items():
        assert modelled[key] == pytest.approx(values, rel=1e-12)
    for _, total in frame.groupby(["model", "person_bucket"])["conversions"].sum().items():
        assert math.isclose(total, 1, rel_tol=1e-12)


@transforms
@examples(40)
@given(world=worlds)
def test_fitted_models_see_the_paths_the_rules_see(transform: str, world: list[Path]) -> None:
    """The query that hands paths to the models cuts them as the rules' SQL does, for channels and for campaigns."""
    world = [sorted(path, key=lambda contact: contact[0]) for path in world]
    for level in ("channel", "campaign"):
        seen: Counter[tuple[str, ...]] = Counter()
        for path in world:
            kept = obvious_kept(path, transform)
            seen[tuple(c if level == "channel" else f"{c}|{campaign or ''}" for _, c, campaign in kept)] += 1
            if level == "channel":
                assert [c for _, c, _ in kept] == transform_path([c for _, c, _ in path], transform, "direct")
        with duckdb.connect() as connection:
            connection.execute("create schema marts; create schema intermediate")
            connection.execute(
                "create table intermediate.int_attribution__settings as "
                "select $transform as path_transform, 'direct' as transform_channel, 'any' as orders",
                {"transform": transform},
            )
            connection.execute(
                "create table marts.fct_journeys (path varchar[], campaign_path varchar[], conversion_id varchar, "
                "person_bucket int, is_converted bool, end_date date, revenue_eur int, margin_eur int)"
            )
            connection.execute("create table marts.fct_conversions (conversion_id varchar, is_first_order bool)")
            connection.executemany(
                "insert into marts.fct_journeys values (?, ?, ?, 0, true, ?, 1, 1)",
                [[[c for _, c, _ in path], [m or "" for _, _, m in path], str(i), DAY] for i, path in enumerate(world)],
            )
            rows = connection.execute(
                QUERY.read_text(encoding="utf-8"),
                {"level": level, "separator": "|", "first_day": DAY, "last_day": DAY},
            ).fetchall()
        assert {tuple(row[0]): row[2] for row in rows} == seen


@pytest.mark.parametrize("orders", ["first", pytest.param("repeat", marks=pytest.mark.slow)])
def test_only_the_orders_asked_for_are_credited(orders: str) -> None:
    world: list[Path] = [[(1, "email", None)], [(2, "direct", None)], [(3, "email", "c1")]]
    given = frames(world)
    for i, order in enumerate(given["int_sales__conversions"]):
        order["is_first_order"] = i == 0
    frame = run_model("int_attribution__bucket_credits", {"attribution_orders": orders}, **given)
    assert set(frame["person_bucket"]) == ({0} if orders == "first" else {1, 2})
