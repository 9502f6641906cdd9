"""Attribution by fitted models, Markov and Shapley, per window, for channels and for campaigns."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from ml.attribution import ChannelCredits, markov_credit, shapley_credit
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_SEPARATOR = "\x1f"
_MONEY = {"value": "revenue_eur", "value_low": "revenue_low", "value_high": "revenue_high", "margin": "margin_eur"}
_SUMS_CHECK = "credits_sum_to_conversions"
_KEY = dg.AssetKey(["ml", "channel_credits"])


@dg.asset(
    key=_KEY,
    group_name="ml/attribution",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[
        dg.AssetKey(["marts", "fct_journeys"]),
        dg.AssetKey(["marts", "fct_conversions"]),
        dg.AssetKey(["intermediate", "int_journeys__windows"]),
        dg.AssetKey(["intermediate", "int_attribution__settings"]),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _SUMS_CHECK,
            asset=_KEY,
            blocking=True,
            description="What a window's channels are credited with is what its journeys brought: orders and revenue.",
        )
    ],
    pool="warehouse",
    code_version="2",
)
def channel_credits(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per window x model x level x channel x campaign: orders and money credited by removal and by Shapley."""
    parts: list[pd.DataFrame] = []
    windows = warehouse.read_query("ml/windows.sql").to_pylist()
    for window in windows:
        for level in ("channel", "campaign"):
            paths = warehouse.read_query(
                "ml/journey_paths.sql",
                level=level,
                separator=_SEPARATOR,
                first_day=window["window_start"],
                last_day=window["window_end"],
            )
            if paths.num_rows and pa.compute.sum(paths["conversions"]).as_py():
                # By conversions, not by rate: what lowers the rate of the coalitions it joins would owe orders.
                models = (markov_credit(paths), shapley_credit(paths, value_function="conversions"))
                parts.extend(_rows(credits, level, window) for credits in models)
    table = _table(parts)
    warehouse.replace("ml.channel_credits", table)
    wrong = warehouse.read_query("ml/check_credits.sql")
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": table.num_rows,
            "windows": len(windows),
            "preview": preview(
                table.select(["window_name", "model", "level", "channel", "conversions", "share", "verdict"])
            ),
        },
        check_results=[check(_SUMS_CHECK, wrong)],
    )


def _rows(credits: ChannelCredits, level: str, window: dict[str, Any]) -> pd.DataFrame:
    named = credits.to_frame().rename(columns=_MONEY)
    parts = named["channel"].str.split(_SEPARATOR, n=1)
    campaign = parts.str[1] if level == "campaign" else ""
    return named.assign(**window, channel=parts.str[0], campaign_id=campaign, model=credits.model, level=level)


def _table(parts: list[pd.DataFrame]) -> pa.Table:
    schema = TABLES["channel_credits"]
    if not parts:
        return schema.empty_table()
    return pa.Table.from_pandas(pd.concat(parts, ignore_index=True), schema=schema, preserve_index=False)
