"""The screening of daily series as an asset: what it writes, what stops it from being published, and an empty shop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd
import pytest

from orchestration.defs.ml import series
from orchestration.defs.ml.tables import TABLES, create_ml_tables
from orchestration.defs.resources import Warehouse

DAYS = 200
CHECK = (Path(series.__file__).parent / "check_series.sql").read_text(encoding="utf-8")


def daily_series() -> pd.DataFrame:
    """Visits rise with the temperature; revenue does not; nothing is known of posts."""
    rng = np.random.default_rng(0)
    day = pd.date_range("2026-01-01", periods=DAYS)
    heat = rng.normal(15, 6, DAYS).round(1)
    of_side = {
        "external": {"temperature_max_celsius": heat, "is_holiday": np.arange(DAYS) % 30 == 9},
        "internal": {"visits": 100 + 3 * heat + rng.normal(0, 4, DAYS), "revenue_eur": rng.normal(500, 50, DAYS)},
    }
    return pd.concat(
        pd.DataFrame({"series_date": day.date, "side": side, "series": name, "value": np.asarray(values, dtype=float)})
        for side, named in of_side.items()
        for name, values in named.items()
    )


def warehouse_of(folder: Path, rows: pd.DataFrame) -> Warehouse:
    path = folder / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        create_ml_tables(connection)
        connection.execute("create schema marts")
        connection.register("incoming", rows)
        connection.execute(
            "create table marts.fct_series_daily as "
            "select series_date::date as series_date, side::varchar as side, series::varchar as series, "
            "value::double as value from incoming"
        )
    return Warehouse(path=str(path), timezone="Europe/Berlin")


def run(warehouse: Warehouse) -> tuple[pd.DataFrame, dg.AssetCheckResult]:
    result: Any = series.series_effects(warehouse)
    with warehouse.connect() as connection:
        table = connection.execute("from ml.series_effects").to_arrow_table()
    assert table.schema.names == TABLES["series_effects"].names
    return table.to_pandas().set_index(["outcome", "variable"]), result.check_results[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, pd.DataFrame, dg.AssetCheckResult]:
    warehouse = warehouse_of(tmp_path_factory.mktemp("series"), daily_series())
    return warehouse, *run(warehouse)


def test_every_pair_is_written_once_and_judged(built: tuple[Warehouse, pd.DataFrame, dg.AssetCheckResult]) -> None:
    _, effects, check = built
    assert check.passed
    assert len(effects) == 4
    assert list(effects.index[effects["verdict"] == "supported"]) == [("visits", "temperature_max_celsius")]
    assert set(effects.xs("is_holiday", level="variable")["verdict"]) == {"season only"}
    assert effects.loc[("visits", "temperature_max_celsius"), "slope_below"] == pytest.approx(3, abs=0.3)
    assert effects.xs("is_holiday", level="variable")["threshold"].isna().all()


def test_the_same_days_give_the_same_rows(
    built: tuple[Warehouse, pd.DataFrame, dg.AssetCheckResult], tmp_path: Path
) -> None:
    again, _ = run(warehouse_of(tmp_path, daily_series().sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(built[1], again)


@pytest.mark.parametrize(
    "damage",
    [
        "days = 201",
        "days = 80, verdict = 'supported'",
        "threshold = 99",
        "q_value = 0.2, verdict = 'supported'",
        "verdict = 'perhaps'",
        "outcome = 'sunspots'",
        "variable = 'is_holiday', threshold = 0.5",
    ],
)
def test_what_the_data_cannot_say_fails_the_check(
    built: tuple[Warehouse, pd.DataFrame, dg.AssetCheckResult], damage: str
) -> None:
    warehouse, _, _ = built
    with warehouse.connect() as connection:
        connection.begin()
        assert connection.execute(CHECK).fetchall() == []
        connection.execute(
            f"update ml.series_effects set {damage} where outcome = 'visits' and variable = 'temperature_max_celsius'"
        )
        assert len(connection.execute(CHECK).fetchall()) >= 1
        connection.rollback()


@pytest.mark.parametrize("sides", [[], ["external"], ["internal"]])
def test_a_shop_without_one_side_is_no_error(tmp_path: Path, sides: list[str]) -> None:
    rows = daily_series()
    effects, check = run(warehouse_of(tmp_path, rows[rows["side"].isin(sides)]))
    assert effects.empty
    assert check.passed
