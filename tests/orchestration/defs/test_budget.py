"""What stops a budget from being published, and what the asset makes of days, spend and lift tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.defs.ml import budget
from orchestration.defs.ml.tables import create_ml_tables

CHECKS = Path(budget.__file__).parent
DAYS = 200


def inputs(days: int = DAYS, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """A shop in which television works and radio is hardly ever on."""
    rng = np.random.default_rng(0)
    dates = pd.date_range("2026-01-01", periods=days).date
    weeks = days // 7 + 1
    flights = 100 * (rng.random(weeks) < 0.4) * (0.5 + rng.random(weeks))  # planned ahead, as television is
    tv = flights.repeat(7)[:days] * rng.uniform(0.8, 1.2, days)
    radio = np.where(np.arange(days) % 67 == 3, 30.0, 0.0)
    sales = 1000 + 5 * tv / (1 + tv / 150) + 20 * rng.standard_normal(days)
    frame = pd.DataFrame({"sale_date": dates, "outcome": sales}).assign(
        revenue_with_margin_eur=sales, margin_eur=0.4 * sales, temperature_max_celsius=20.0, precipitation_mm=np.nan,
        sunshine_minutes=np.nan, promotions=0.0, outcome_name="revenue", lowest_share=0.5, highest_share=2.0,
        step_eur=1.0, countries="DE AT",
    ).assign(**settings)  # fmt: skip
    spend = pd.concat(pd.DataFrame({"sale_date": dates, "channel": name, "cost_eur": cost})
                      for name, cost in (("tv", tv), ("radio", radio)))  # fmt: skip
    tests = pd.DataFrame(columns=["channel", "first_date", "last_date", "lift_eur", "standard_error_eur"])
    return frame, spend, tests


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return {name: rows.to_pandas() for name, rows in budget.fitted_tables(*inputs()).items()}


@pytest.fixture
def warehouse(tables: dict[str, pd.DataFrame]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create_ml_tables(connection)
        for name, rows in tables.items():
            connection.register("rows", rows)
            connection.execute(f"insert into ml.{name} by name from rows")
        yield connection


def wrong(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute((CHECKS / f"{name}.sql").read_text(encoding="utf-8")).fetchall()


def test_what_works_is_found_and_only_that_is_moved(tables: dict[str, pd.DataFrame]) -> None:
    channels = tables["response_channels"].set_index("channel")
    assert dict(channels["verdict"]) == {"tv": "supported", "radio": "not enough data"}
    assert channels["margin_share"].to_numpy() == pytest.approx(0.4)
    split = tables["budget_allocation"].set_index(["scenario", "channel"])
    assert split.loc[("same budget", "tv"), "verdict"] == "nothing to move"
    more = split.loc["10 % more"]
    assert more["proposed_spend"].sum() == pytest.approx(1.1 * more["current_spend"].sum())
    assert more.loc["radio", "proposed_spend"] == more.loc["radio", "current_spend"]
    assert more["total_gain_low"].iloc[0] > 0
    curve = tables["response_curves"].query("channel == 'tv'")
    assert curve["is_current"].sum() == 1
    assert curve["response"].is_monotonic_increasing


def test_draws_add_up_to_the_curve(tables: dict[str, pd.DataFrame]) -> None:
    mean = tables["response_draws"].groupby(["channel", "spend_eur"])["response"].mean()
    curve = tables["response_curves"].set_index(["channel", "spend_eur"])["response"]
    assert mean["tv"].to_numpy() == pytest.approx(curve["tv"].to_numpy(), rel=0.1, abs=1)


@pytest.mark.parametrize("days", [0, 90])
def test_too_few_days_are_no_error(days: int) -> None:
    frame, spend, tests = inputs(days) if days else (part.head(0) for part in inputs())
    assert {rows.num_rows for rows in budget.fitted_tables(frame, spend, tests).values()} == {0}


def test_sound_tables_pass(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert wrong(warehouse, "check_budget") == []
    assert wrong(warehouse, "check_response") == []


@pytest.mark.parametrize(
    ("check", "damage"),
    [
        ("check_budget", "update ml.budget_allocation set proposed_spend = proposed_spend + 0.01 where channel = 'tv'"),
        ("check_budget", "update ml.budget_allocation set proposed_spend = -1, total_spend = total_spend - 1"),
        ("check_budget", "update ml.budget_allocation set upper_limit = 0 where channel = 'tv'"),
        ("check_budget", "update ml.budget_allocation set is_moved = true"),
        ("check_budget", "update ml.budget_allocation set proposed_spend = null where channel = 'tv'"),
        ("check_budget", "delete from ml.budget_allocation where channel = 'radio' and scenario = 'same budget'"),
        ("check_response", "update ml.response_curves set response = -response where channel = 'tv'"),
        ("check_response", "update ml.response_curves set response_low = response + 1"),
        ("check_response", "update ml.response_channels set verdict = 'supported', identified = true"),
        ("check_response", "update ml.response_channels set roas_low = null"),
    ],
)
def test_a_broken_promise_stops_publishing(warehouse: duckdb.DuckDBPyConnection, check: str, damage: str) -> None:
    warehouse.execute(damage)
    assert wrong(warehouse, check)
