"""The journey map as an absorbing chain, per window and segment."""

from __future__ import annotations

import dagster as dg
import pandas as pd
import pyarrow as pa

from ml.journey_map import absorbing_chain
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_KEY = dg.AssetKey(["ml", "journey_map_nodes"])
_CHECK = "chain_converts_as_often_as_journeys"
_MAP = ["window_name", "window_start", "window_end", "segment"]
_MINIMUM_MOVES = 30


@dg.asset(
    key=_KEY,
    group_name="ml/journeys",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[
        dg.AssetKey(["marts", "fct_journeys"]),
        dg.AssetKey(["marts", "fct_journey_nodes"]),
        dg.AssetKey(["intermediate", "int_journeys__map_moves"]),
        dg.AssetKey(["intermediate", "int_journeys__map_segments"]),
        dg.AssetKey(["intermediate", "int_journeys__windows"]),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset=_KEY,
            blocking=True,
            description="From the start of every map the chain reaches the order as often as its journeys did.",
        )
    ],
    pool="warehouse",
    code_version="1",
)
def journey_map_nodes(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per window x segment x node: who reaches the order from there, in how many steps, and what it adds."""
    edges = warehouse.read_query("ml/journey_map_edges.sql").to_pandas()
    parts = [solved_map(part).assign(**dict(zip(_MAP, key, strict=True))) for key, part in edges.groupby(_MAP)]
    schema = TABLES["journey_map_nodes"]
    table = (
        pa.Table.from_pandas(pd.concat(parts, ignore_index=True), schema=schema, preserve_index=False)
        if parts
        else schema.empty_table()
    )
    warehouse.replace("ml.journey_map_nodes", table)
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": table.num_rows,
            "maps": len(parts),
            "preview": preview(
                table.select(["window_name", "segment", "node", "conversion_probability", "contribution"])
            ),
        },
        check_results=[check(_CHECK, warehouse.read_query("ml/check_journey_map.sql"))],
    )


def solved_map(edges: pd.DataFrame) -> pd.DataFrame:
    """The chain of one map, a row per node; `critical_step` numbers the nodes of the most probable way to the order."""
    chain = absorbing_chain(edges, start="start", main="conversion", null="null")
    frame = chain.to_frame()
    path = {node: step for step, node in enumerate(chain.critical_path()[:-1])}
    moves = edges.groupby("from")["n"].sum()
    enough = frame["node"].map(moves).fillna(0) >= _MINIMUM_MOVES
    known = enough & frame["conversion_probability_low"].notna()
    return frame.assign(
        critical_step=frame["node"].map(path).astype("Int64"),
        verdict=known.map({True: "supported", False: "not enough data"}),
    )
