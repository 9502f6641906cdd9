"""Is the journey index descriptive or predictive? Its verdict, from predictions of windows it had not seen."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml.cji_prediction import predictive_value
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse

_SEED = 20260101


@dg.asset(
    key=["ml", "cji_predictions"],
    group_name="ml/cji",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[dg.AssetKey(["marts", "fct_cji"])],
    pool="warehouse",
    code_version="1",
)
def cji_predictions(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per phase model: errors of predicting the next window's conversion with the index and without."""
    frame = warehouse.read_query("ml/cji_predictions.sql").to_pandas(date_as_object=False)
    schema = TABLES["cji_predictions"]
    parts = [
        predictive_value(
            rows,
            day="snapshot_date",
            segment="segment",
            index="cji",
            visits="visits",
            orders="orders",
            rng=np.random.default_rng(_SEED),
        )
        .to_frame()
        .assign(phase_model=phase_model)
        for phase_model, rows in frame.groupby("phase_model")
    ]
    table = (
        pa.Table.from_pandas(pd.concat(parts)[schema.names], schema=schema, preserve_index=False)
        if parts
        else schema.empty_table()
    )
    warehouse.replace("ml.cji_predictions", table)
    return dg.MaterializeResult(metadata={"dagster/row_count": table.num_rows, "preview": preview(table)})
