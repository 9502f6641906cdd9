"""The journey map as an absorbing chain, per window and segment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from ml.journey_map import JourneyMap, absorbing_chain
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_NODES = dg.AssetKey(["ml", "journey_map_nodes"])
_CHECK = "chain_converts_as_often_as_journeys"
_MAP = ["window_name", "window_start", "window_end", "segment"]
_MINIMUM_MOVES = 30
_DESCRIPTIONS = {
    "journey_map_nodes": "One row per window x segment x node: who reaches the order from there, in how many steps, "
    "and what it adds.",
    "journey_map_what_ifs": "One row per window x segment x node that loses journeys x place they could go to instead: "
    "what that would change.",
}


@dg.multi_asset(
    name="ml__journey_map",
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", name]),
            description=description,
            deps=[
                dg.AssetKey(["marts", "fct_journeys"]),
                dg.AssetKey(["marts", "fct_journey_nodes"]),
                dg.AssetKey(["intermediate", "int_journeys__map_moves"]),
                dg.AssetKey(["intermediate", "int_journeys__map_segments"]),
                dg.AssetKey(["intermediate", "int_journeys__windows"]),
            ],
            group_name="ml/journeys",
            kinds={"python", "duckdb"},
            owners=["team:science"],
            code_version="2",
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset=_NODES,
            blocking=True,
            description="From the start of every map the chain reaches the order as often as its journeys did.",
        )
    ],
    pool="warehouse",
)
def journey_map(warehouse: Warehouse) -> Iterator[Any]:
    edges = warehouse.read_query("ml/journey_map_edges.sql").to_pandas()
    tables = solved_maps(edges)
    for name, table in tables.items():
        warehouse.replace(f"ml.{name}", table)
    checks = {"journey_map_nodes": [check(_CHECK, warehouse.read_query("ml/check_journey_map.sql"))]}
    for name, table in tables.items():
        key = dg.AssetKey(["ml", name])
        yield dg.MaterializeResult(
            asset_key=key,
            metadata={"dagster/row_count": table.num_rows, "preview": preview(table)},
            check_results=[result._replace(asset_key=key) for result in checks.get(name, [])],
        )


def solved_maps(edges: pd.DataFrame) -> dict[str, pa.Table]:
    """Solve the chain of every window and segment; empty tables without edges."""
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _DESCRIPTIONS}
    for key, part in edges.groupby(_MAP):
        chain = absorbing_chain(part, start="start", main="conversion", null="null")
        of_map: dict[str, Any] = dict(zip(_MAP, key, strict=True))
        parts["journey_map_nodes"].append(judged_nodes(chain, part).assign(**of_map))
        parts["journey_map_what_ifs"].append(chain.what_ifs().assign(**of_map))
    return {
        name: pa.Table.from_pandas(pd.concat(frames, ignore_index=True), schema=TABLES[name], preserve_index=False)
        if frames
        else TABLES[name].empty_table()
        for name, frames in parts.items()
    }


def judged_nodes(chain: JourneyMap, edges: pd.DataFrame) -> pd.DataFrame:
    """A row per node; `critical_step` numbers those of the most probable way to the order."""
    frame = chain.to_frame()
    path = {node: step for step, node in enumerate(chain.critical_path()[:-1])}
    moves = edges.groupby("from")["n"].sum()
    enough = frame["node"].map(moves).fillna(0) >= _MINIMUM_MOVES
    known = enough & frame["conversion_probability_low"].notna()
    return frame.assign(
        critical_step=frame["node"].map(path).astype("Int64"),
        verdict=known.map({True: "supported", False: "not enough data"}),
    )
