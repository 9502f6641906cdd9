"""What the models of a run say of themselves."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from orchestration.defs.ml.catalog import catalog_effects
from orchestration.defs.ml.model_runs import model_runs
from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.ml.weather import weather_effects
from orchestration.defs.resources import Warehouse


def test_a_model_is_listed_with_the_version_of_its_asset(tmp_path: Path) -> None:
    warehouse = Warehouse(path=str(tmp_path / "warehouse.duckdb"), timezone="UTC")
    tables = [key.path[-1] for key in model_runs.dependency_keys]
    with warehouse.connect() as connection:
        create_ml_tables(connection)
        for table in tables:
            connection.execute(f"insert into ml.{table} default values")
        connection.execute("update ml.catalog_effects set dimension = 'all'")
        connection.execute("update ml.customer_models set model = 'churn'")
    assert dg.materialize([model_runs], resources={"warehouse": warehouse}).success
    with warehouse.connect() as connection:
        listed = dict(connection.execute("select model, version from ml.model_runs").fetchall())
    for model, asset in (("weather_sales", weather_effects), ("catalog_effect", catalog_effects)):
        assert {listed[model]} == set(asset.code_versions_by_key.values())
    assert None not in listed.values()
