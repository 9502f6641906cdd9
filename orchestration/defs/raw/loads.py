"""The books of the loads, once every table of the day is in: what came, what was kept aside and why."""

from collections.abc import Iterator

import dagster as dg

from orchestration.defs.raw.assets import RAW_ASSETS
from orchestration.defs.reports import preview
from orchestration.defs.resources import Warehouse

_LOADED = [key for asset in RAW_ASSETS for key in asset.keys]
_BATCHES, _QUARANTINE = dg.AssetKey(["raw", "load_batches"]), dg.AssetKey(["raw", "quarantine"])


def _spec(key: dg.AssetKey, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        key,
        deps=_LOADED,
        group_name="raw",
        kinds={"duckdb"},
        owners=["team:engineering"],
        description=description,
        code_version="1",
    )


@dg.multi_asset(
    name="raw_loads",
    # Every raw asset writes its own lines here. Without these two, dbt would read the books before the day is in them.
    specs=[
        _spec(_BATCHES, "One row per feed and delivery: rows in = rows loaded + quarantined + duplicate."),
        _spec(_QUARANTINE, "One row per rejected source row, with its reason; kept until it is replayed."),
    ],
    pool="warehouse",
)
def raw_loads(warehouse: Warehouse) -> Iterator[dg.MaterializeResult]:
    for key, query in ((_BATCHES, "raw/loads_by_feed.sql"), (_QUARANTINE, "raw/quarantine_by_reason.sql")):
        summary = warehouse.read_query(query)
        rows = sum(summary.column("rows").to_pylist())
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows, "preview": preview(summary)})
