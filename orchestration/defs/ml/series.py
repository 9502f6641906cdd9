"""Every external daily series against every series of the company, with a verdict."""

from __future__ import annotations

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml.series_screening import SIDES, screen_series
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_SEED = 20260101
_EFFECTS = dg.AssetKey(["ml", "series_effects"])
_CHECK = "effects_agree_with_their_data"


@dg.asset(
    key=_EFFECTS,
    deps=[dg.AssetKey(["marts", "fct_series_daily"])],
    group_name="ml/weather",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset=_EFFECTS,
            blocking=True,
            description="Days counted are days of both series, a turn lies inside the values that were seen, and no "
            "pair is called supported on too few days.",
        )
    ],
    pool="warehouse",
    code_version="1",
)
def series_effects(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per external x internal series of the whole company: lag, turn, slopes, verdict."""
    frame = warehouse.read_query("ml/series.sql").to_pandas(date_as_object=False)
    effects = _screen(frame)
    warehouse.replace("ml.series_effects", effects)
    verdicts = effects.to_pandas()["verdict"].value_counts().to_dict()
    shown = effects.select(["outcome", "variable", "lag_days", "q_value", "verdict"])
    return dg.MaterializeResult(
        metadata={"dagster/row_count": effects.num_rows, **verdicts, "preview": preview(shown)},
        check_results=[check(_CHECK, warehouse.read_query("ml/check_series.sql"))],
    )


def _screen(frame: pd.DataFrame) -> pa.Table:
    schema = TABLES["series_effects"]
    if not set(SIDES) <= set(frame["side"]):
        return schema.empty_table()
    screening = screen_series(frame, rng=np.random.default_rng(_SEED))
    return pa.Table.from_pandas(screening.to_frame(), schema=schema, preserve_index=False)
