"""What the models of this run say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse
from orchestration.defs.serving.publication import combined_hash, table_hashes


@dg.asset(
    key=["ml", "model_runs"],
    group_name="ml",
    kinds={"duckdb"},
    owners=["team:science"],
    deps=[
        dg.AssetKey(["ml", name])
        for name in (
            "catalog_effects",
            "catalog_targeting",
            "customer_models",
            "visit_next_steps",
            "campaign_effects",
            "channel_credits",
            "cji_directions",
            "cji_incidents",
            "cji_predictions",
            "journey_map_nodes",
            "response_channels",
            "series_effects",
            "weather_effects",
        )
    ],
    pool="warehouse",
    code_version="1",
)
def model_runs(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per model x figure of the last fit, with the version of the data it saw."""
    with warehouse.connect() as connection:
        data_version = combined_hash(table_hashes(connection))
    rows = warehouse.read_query("ml/model_runs.sql", data_version=data_version, trained_at=datetime.now(UTC))
    table = rows.select(TABLES["model_runs"].names).cast(TABLES["model_runs"])
    warehouse.replace("ml.model_runs", table)
    return dg.MaterializeResult(metadata={"dagster/row_count": table.num_rows, "preview": preview(table)})
