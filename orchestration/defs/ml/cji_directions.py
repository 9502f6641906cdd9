"""The direction audit of the journey index: a parameter whose sign the visits do not show gets no weight."""

from __future__ import annotations

import dagster as dg
import pyarrow as pa

from ml.cji_directions import audit_directions
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse

_SAMPLE_SIZE = 20_000


@dg.asset(
    key=["ml", "cji_directions"],
    group_name="ml/cji",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[
        dg.AssetKey(["intermediate", "int_cji__visit_phases"]),
        dg.AssetKey(["intermediate", "int_calendar__as_of"]),
        dg.AssetKey(["seeds", "cji_weights"]),
        dg.AssetKey(["seeds", "cji_phases"]),
    ],
    pool="warehouse",
    code_version="1",
)
def cji_directions(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per phase x parameter: do more time and page views go with progress, as the seed says?"""
    claims = warehouse.read_query("ml/cji_direction_claims.sql").to_pandas()
    visits = warehouse.read_query("ml/cji_direction_visits.sql", sample_size=_SAMPLE_SIZE).to_pandas()
    keys = ["phase_model", "phase"]
    days = visits.groupby(keys, as_index=False).agg(first_day=("session_date", "min"), last_day=("session_date", "max"))
    frame = (
        audit_directions(visits, claims)
        .to_frame()
        .merge(claims[[*keys, "parameter", "outcome"]], on=[*keys, "parameter"], how="left")
        .merge(days, on=keys, how="left")
    )
    schema = TABLES["cji_directions"]
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    warehouse.replace("ml.cji_directions", table)
    dropped = frame[~frame["is_kept"].astype(bool)]
    shown = table.select(["phase_model", "phase", "parameter", "direction", "log_odds", "p_value", "visits", "verdict"])
    return dg.MaterializeResult(
        metadata={"dagster/row_count": table.num_rows, "without_weight": len(dropped), "preview": preview(shown)}
    )
