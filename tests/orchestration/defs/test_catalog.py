"""The catalog's asset over a few tables: judged once, judged anew when inputs change, stopped by leaks and bad lots."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.defs.ml import catalog
from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.resources import Warehouse


def features(rng: np.random.Generator, mailing: str, arms: np.ndarray) -> pd.DataFrame:
    count = len(arms)
    demand = rng.gamma(1, 30, count).round(2)
    return pd.DataFrame(
        {
            "mailing_id": mailing, "customer_key": [f"k{i:04}" for i in range(count)],
            "person_id": [f"k{i:04}" for i in range(count)], "arm": arms, "dropped_date": date(2026, 3, 15),
            "list_date": date(2026, 3, 1), "cost_eur": np.where(np.isin(arms, ["catalog"]), 1.0, 0.0),
            "orders_365": rng.integers(0, 5, count), "demand_365_eur": demand, "orders_90": 0, "demand_90_eur": 0.0,
            "days_since_last_order": rng.integers(1, 300, count), "days_since_first_order": 500,
            "visits_90": rng.integers(0, 9, count), "mailings_365": 0, "placebo_demand_eur": 0.0,
            "recency_class": rng.choice(["0-90 days", "none known"], count), "segment": rng.choice(["A", "B"], count),
        }
    )  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """One mailing with a holdout (600 + 600), one without (300 against 900), and 50 candidates."""
    rng = np.random.default_rng(1)
    lot = features(rng, "lot", np.repeat(["catalog", "holdout"], 600))
    chosen = features(rng, "chosen", np.repeat(["catalog", "not mailed"], [300, 900]))
    following = features(rng, "next", np.repeat("candidate", 50))
    every = pd.concat([lot, chosen, following], ignore_index=True)
    orders = every[every["mailing_id"] != "next"].assign(days_after_drop=5)
    orders["revenue_eur"] = rng.gamma(1, 20, len(orders)) + 30 * (orders["arm"] == "catalog")
    orders["margin_eur"] = orders["revenue_eur"] * 0.5
    listed = every[every["arm"].isin(["catalog", "holdout"])].assign(is_complete=True, window_days=60)
    listed["is_holdout"] = listed["arm"] == "holdout"
    planned = pd.DataFrame({"mailing_id": "lot", "arm": ["catalog", "holdout"], "planned_share": [0.5, 0.5]})
    found = Warehouse(path=str(tmp_path / "warehouse.duckdb"), timezone="Europe/Berlin")
    with found.connect() as connection:
        create_ml_tables(connection)
        for name, frame in {
            "intermediate.int_catalog__features": every,
            "intermediate.int_catalog__orders": orders,
            "marts.fct_catalog_recipients": listed,
            "seeds.mailing_arms": planned,
        }.items():
            connection.execute(f"create schema if not exists {name.split('.')[0]}")
            connection.register("given", frame)
            connection.execute(f"create table {name} as from given")
    return found


def judge(warehouse: Warehouse) -> tuple[pd.DataFrame, list[str]]:
    mailings = warehouse.read_query("ml/catalog_mailings.sql").to_pandas()
    results, fitted = catalog._judge(warehouse, mailings)
    for name, frame in results.items():
        warehouse.replace(f"ml.{name}", catalog._table(name, frame))
    return results["catalog_effects"].set_index(["mailing_id", "dimension", "segment"]), fitted


def change(warehouse: Warehouse, statement: str) -> None:
    with warehouse.connect() as connection:
        connection.execute(statement)


def test_a_mailing_is_judged_once_and_again_when_its_inputs_change(warehouse: Warehouse) -> None:
    effects, fitted = judge(warehouse)
    assert set(fitted) == {"lot", "chosen", "next"}
    whole = effects.loc[("lot", "all", "all")]
    assert whole["is_randomised"]
    assert whole["effect_low"] < 30 < whole["effect_high"]
    assert whole["profit"] == pytest.approx(0.5 * whole["effect"] - 1.0)
    assert whole["recommendation"] == "mail"
    chosen = effects.loc[("chosen", "all", "all")]
    assert not chosen["is_randomised"]
    assert chosen["control_arm"] == "not mailed"
    assert warehouse.read_query("ml/check_catalog_lottery.sql").num_rows == 0

    again, fitted = judge(warehouse)
    assert fitted == []
    pd.testing.assert_frame_equal(again.sort_index(), effects.sort_index(), check_dtype=False, check_like=True)
    change(warehouse, "update intermediate.int_catalog__orders set revenue_eur = 1 where mailing_id = 'chosen'")
    assert judge(warehouse)[1] == ["chosen"]


def test_a_list_that_lost_its_holdout_gives_no_advice(warehouse: Warehouse) -> None:
    change(warehouse, "update seeds.mailing_arms set planned_share = if(arm = 'catalog', 0.4, 0.6)")
    effects, _ = judge(warehouse)
    assert set(effects.loc["lot", "recommendation"]) == {"keep a holdout"}
    assert warehouse.read_query("ml/check_catalog_lottery.sql").num_rows == 0
    change(warehouse, "update ml.catalog_effects set recommendation = 'mail' where mailing_id = 'lot'")
    assert warehouse.read_query("ml/check_catalog_lottery.sql").num_rows > 0


def test_knowing_an_order_of_after_the_list_fails_the_check(warehouse: Warehouse) -> None:
    counted = pd.DataFrame(
        {"order_id": ["o1", "o2"], "person_id": "p", "conversion_date": [date(2026, 2, 1), date(2026, 3, 2)]}
    )
    with duckdb.connect(warehouse.path) as connection:
        connection.execute(
            "delete from intermediate.int_catalog__features where customer_key <> 'k0000' or mailing_id <> 'lot'"
        )
        connection.register("given", counted)
        connection.execute("create table marts.fct_conversions as from given")
        known = (
            "update intermediate.int_catalog__features set person_id = 'p', orders_365 = {}, days_since_last_order = 28"
        )
        connection.execute(known.format(1))
    assert warehouse.read_query("ml/check_catalog_features.sql").num_rows == 0
    change(warehouse, known.format(2))
    assert warehouse.read_query("ml/check_catalog_features.sql").num_rows == 1
