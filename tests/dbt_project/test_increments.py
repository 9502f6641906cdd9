"""Whatever arrives in whatever order: an incremental build holds the rows of a full rebuild."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.defs.warehouse.manifest import load_json
from tests.dbt_project.rebuilds import FIRST_DAY, Builder, Row, Shop

#: All that reads nothing but rows; the index and the weather have no part in it.
MODELS = [
    "+config.materialized:keyed",
    "+config.materialized:summed",
    "+path:models/marts/journeys",
    "+path:models/marts/attribution",
]


def assert_equals_rebuild(builder: Builder, as_of: date) -> None:
    found = builder.hashes()
    builder.build(as_of, full=True)
    expected = builder.hashes()
    assert {name for name in expected if found.get(name) != expected[name]} == set()


def test_every_input_of_an_incremental_model_tells_it_what_changed() -> None:
    """A model that reads a table without reading its log would miss changes, and no single world might show it."""
    nodes = {**load_json()["nodes"], **load_json()["sources"]}

    def rows_of(key: str) -> set[str]:
        """The inputs whose rows can change between two builds: seeds cannot, views are looked through."""
        node = nodes[key]
        if node["resource_type"] == "seed":
            return set()
        if node["resource_type"] == "source":
            return {f"raw.{node['name']}"}
        parents = set().union(*(rows_of(parent) for parent in node["depends_on"]["nodes"])) if node else set()
        return parents if node["config"]["materialized"] == "view" or not parents else {node["name"]}

    checked = 0
    for node in nodes.values():
        if node["resource_type"] != "model" or node["config"]["materialized"] != "keyed":
            continue
        affected = node["config"].get("affected")
        if affected is None:
            continue  # derived anew as a whole
        inputs = set().union(*(rows_of(parent) for parent in node["depends_on"]["nodes"]))
        read = set(re.findall(r"increments\.(\w+)", affected))
        read |= {f"raw.{entity}" for entity in re.findall(r"entity = '(\w+)'", affected)}
        assert inputs - set(node["config"].get("unlogged_inputs") or []) <= read, node["name"]
        checked += 1
    assert checked > 20


def chain(name: str, length: int) -> list[Row]:
    """Links of customers of whom each shares a phone with the next: one person, named by the first."""
    return [
        {"id_type": "phone", "id_value": f"{name}{number}", "customer_key": f"{name}{customer}"}
        for number in range(1, length)
        for customer in (number, number + 1)
    ]


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    return Builder(tmp_path / "warehouse.duckdb", MODELS)


def test_late_repeated_and_changed_deliveries_and_a_killed_build_equal_a_rebuild(builder: Builder) -> None:
    shop = Shop(seed=1, days=8)
    order = sorted(shop.deliveries, key=str)
    shop.random.shuffle(order)
    last = shop.last_delivery()
    for entity, day in order[: len(order) // 2]:
        builder.load(entity, day, shop.deliveries[entity, day])
    builder.load("identity_links", FIRST_DAY, chain("x", 3), feed="joined")
    builder.load("identity_links", FIRST_DAY, chain("y", 4), feed="parted")
    assert not builder.build(last).is_partial
    # A link at one end of a person, and one withdrawn in its middle, reach customers that no row of the day names.
    builder.load("identity_links", FIRST_DAY + timedelta(days=1), chain("x", 4)[-2:], feed="joined")
    builder.load("identity_links", FIRST_DAY, chain("y", 4)[2:], feed="parted")
    for entity, day in order[len(order) // 2 :]:
        builder.load(entity, day, shop.deliveries[entity, day])
    # Killed on the way: some models know of the changes, those behind them do not.
    builder.build(last, only=["stg_web__events", "stg_sales__orders", "int_web__bot_days", "int_identity__customers"])
    for entity, day in shop.change():
        builder.load(entity, day, shop.deliveries[entity, day])
    assert builder.build(last).is_partial
    assert_equals_rebuild(builder, last)


def test_a_shop_without_a_visit_can_be_built(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "warehouse.duckdb", ["+int_web__sessions"])
    builder.run("run", {"as_of_date": FIRST_DAY.isoformat()})
    assert builder.query("select * from intermediate.int_web__sessions") == []


def test_checks_look_at_what_changed_and_at_everything_when_asked(tmp_path: Path) -> None:
    builder = Builder(tmp_path / "warehouse.duckdb", ["+int_web__sessions"])
    shop = Shop(seed=1, days=2)
    for (entity, day), rows in shop.deliveries.items():
        builder.load(entity, day, rows)
    last = shop.last_delivery()
    builder.run("run", {"as_of_date": last.isoformat()})
    first, second = builder.query("select session_id from intermediate.int_web__sessions order by all limit 2")
    with duckdb.connect(str(builder.path)) as connection:
        for (session,) in (first, second):
            connection.execute(
                "insert into intermediate.int_web__sessions from intermediate.int_web__sessions where session_id = ?",
                [session],
            )

    def duplicates(changed: str, **variables: object) -> bool:
        with duckdb.connect(str(builder.path)) as connection:
            connection.execute("delete from increments.int_web__sessions")
            connection.execute(
                "insert into increments.int_web__sessions by name "
                "select session_id from intermediate.int_web__sessions where session_id = ?",
                [changed],
            )
        return not builder.passes("int_web__sessions_grain", variables)

    other = builder.query("select max(session_id) from intermediate.int_web__sessions")[0][0]
    assert duplicates(first[0], incremental=True)
    assert not duplicates(other, incremental=True)
    assert duplicates(other, incremental=True, test_all_rows=True)
    assert duplicates(other, incremental=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 4])
def test_thirty_days_in_random_order_twice_equal_a_rebuild(builder: Builder, seed: int) -> None:
    shop = Shop(seed=seed, days=30)
    last = shop.last_delivery()
    for _ in range(2):
        order = sorted(shop.deliveries, key=str)
        shop.random.shuffle(order)
        for number, (entity, day) in enumerate(order):
            builder.load(entity, day, shop.deliveries[entity, day])
            if number % (len(order) // 10) == 0:
                # The last business day moves as well: windows, drops of catalogs and open journeys follow it.
                builder.build(min(last, FIRST_DAY + timedelta(days=number // 4)))
    assert builder.build(last).is_partial
    for entity, day in shop.change():
        builder.load(entity, day, shop.deliveries[entity, day])
    builder.build(last)
    assert_equals_rebuild(builder, last)
