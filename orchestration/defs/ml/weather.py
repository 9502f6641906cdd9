"""Weather and sales: every category, every region, every measure of the weather, with a verdict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml.weather_sales import screen
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

VARIABLES = (
    "temperature_max_celsius",
    "temperature_deviation_celsius",
    "precipitation_mm",
    "sunshine_minutes",
    "wind_speed_ms",
)
_SEED = 20260101
_EFFECTS = dg.AssetKey(["ml", "weather_effects"])
_CURVES = dg.AssetKey(["ml", "weather_curves"])
_CHECK = "effects_agree_with_their_data"


@dg.multi_asset(
    name="ml__weather",
    specs=[
        dg.AssetSpec(
            _EFFECTS,
            description="One row per category x region x measure of the weather: the turn, the slopes, the verdict.",
            deps=[dg.AssetKey(["marts", "fct_sales_weather_daily"])],
            group_name="ml/weather",
            kinds={"python", "duckdb"},
            owners=["team:science"],
            code_version="2",
        ),
        dg.AssetSpec(
            _CURVES,
            description="One row per point of each fitted line, with its band.",
            deps=[dg.AssetKey(["marts", "fct_sales_weather_daily"])],
            group_name="ml/weather",
            kinds={"python", "duckdb"},
            owners=["team:science"],
            code_version="2",
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset=_EFFECTS,
            blocking=True,
            description="Days counted are days in the mart, a turn lies inside the weather that was seen, and no "
            "effect is called supported on too few days.",
        )
    ],
    pool="warehouse",
)
def weather_effects(warehouse: Warehouse) -> Iterator[Any]:
    frame = warehouse.read_query("ml/sales_and_weather.sql").to_pandas(date_as_object=False)
    effects, curves = _screen(frame)
    warehouse.replace("ml.weather_effects", effects)
    warehouse.replace("ml.weather_curves", curves)
    verdicts = effects.to_pandas()["verdict"].value_counts().to_dict()
    shown = effects.select(["category", "region", "variable", "threshold", "q_value", "verdict"])
    yield dg.MaterializeResult(
        asset_key=_EFFECTS,
        metadata={"dagster/row_count": effects.num_rows, **verdicts, "preview": preview(shown)},
        check_results=[check(_CHECK, warehouse.read_query("ml/check_weather.sql"))],
    )
    yield dg.MaterializeResult(asset_key=_CURVES, metadata={"dagster/row_count": curves.num_rows})


def _screen(frame: pd.DataFrame) -> tuple[pa.Table, pa.Table]:
    schemas = TABLES["weather_effects"], TABLES["weather_curves"]
    if frame.empty:
        return schemas[0].empty_table(), schemas[1].empty_table()
    screening = screen(
        frame,
        date="sale_date",
        x=VARIABLES,
        y="units",
        by=("category", "region"),
        controls=("is_holiday",),
        rng=np.random.default_rng(_SEED),
    )
    effects = pa.Table.from_pandas(screening.to_frame(), schema=schemas[0], preserve_index=False)
    return effects, pa.Table.from_pandas(screening.curves(), schema=schemas[1], preserve_index=False)
