"""What the models of this run say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg

from orchestration.defs.ml.attribution import channel_credits
from orchestration.defs.ml.budget import response_models
from orchestration.defs.ml.catalog import catalog_effects
from orchestration.defs.ml.cji_directions import cji_directions
from orchestration.defs.ml.cji_incidents import cji_incidents
from orchestration.defs.ml.cji_predictions import cji_predictions
from orchestration.defs.ml.customers import customer_models
from orchestration.defs.ml.journey_map import journey_map
from orchestration.defs.ml.series import series_effects
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.ml.weather import weather_effects
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse
from orchestration.defs.serving.publication import combined_hash, table_hashes

_VERSIONS = {
    key.path[-1]: version
    for asset in (
        catalog_effects,
        channel_credits,
        cji_directions,
        cji_incidents,
        cji_predictions,
        customer_models,
        journey_map,
        response_models,
        series_effects,
        weather_effects,
    )
    for key, version in asset.code_versions_by_key.items()
}


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
    code_version="2",
)
def model_runs(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per model x figure of the last fit, with the version of the data it saw."""
    with warehouse.connect() as connection:
        data_version = combined_hash(table_hashes(connection))
    rows = warehouse.read_query(
        "ml/model_runs.sql",
        data_version=data_version,
        trained_at=datetime.now(UTC),
        versions={"key": list(_VERSIONS), "value": list(_VERSIONS.values())},  # how DuckDB is given a map
    )
    table = rows.select(TABLES["model_runs"].names).cast(TABLES["model_runs"])
    warehouse.replace("ml.model_runs", table)
    return dg.MaterializeResult(metadata={"dagster/row_count": table.num_rows, "preview": preview(table)})
