"""What keeps a wrong journey index from being acted upon, and what says why it moved."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pyarrow as pa

from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_INDEX = dg.AssetKey(["marts", "fct_cji"])
_PHASES = dg.AssetKey(["marts", "fct_cji_phases"])
_BOUNDS, _PRESENT, _JUMPS = "cji_is_the_mean_of_its_phases", "cji_phases_are_present", "cji_did_not_jump"


@dg.multi_asset_check(
    name="cji_checks",
    specs=[
        dg.AssetCheckSpec(
            _BOUNDS,
            asset=_INDEX,
            additional_deps=[_PHASES],
            blocking=True,
            description="Scores and indexes lie between 0 and 100 and in their intervals; an index is the mean of its "
            "phases, and there is none with fewer than four.",
        ),
        dg.AssetCheckSpec(
            _PRESENT,
            asset=_PHASES,
            blocking=True,
            description="No phase has lost nine tenths of its visits: that is a page or an event renamed, and an index "
            "of the phases left over is another one.",
        ),
        # A jump may be true, and then it is what people must see: it never keeps a day from being published.
        dg.AssetCheckSpec(
            _JUMPS,
            asset=_INDEX,
            additional_deps=[_PHASES],
            description="No index moved within a week by more than 5 points and 3 times its usual change; else the "
            "parameter that moved it is named.",
        ),
    ],
    pool="warehouse",
)
def cji_checks(warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    yield check(_BOUNDS, warehouse.read_query("warehouse/check_cji_bounds.sql"))._replace(asset_key=_INDEX)
    yield check(_PRESENT, warehouse.read_query("warehouse/check_cji_phases_present.sql"))._replace(asset_key=_PHASES)
    yield jumps(warehouse.read_query("warehouse/check_cji_jumps.sql"))


def jumps(found: pa.Table) -> dg.AssetCheckResult:
    """Warn of the indexes that jumped, each with the phase and parameter that moved it most."""
    return dg.AssetCheckResult(
        asset_key=_INDEX,
        check_name=_JUMPS,
        passed=found.num_rows == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(
            f"{row['phase_model']} {row['segment']}: {row['cji_before']:.1f} -> {row['cji']:.1f}, most of it phase "
            f"{row['phase']} {row['parameter']} ({_index(row['index_before'])} -> {_index(row['index_now'])})"
            for row in found.to_pylist()
        )
        or None,
        metadata={"wrong_rows": found.num_rows, **({"jumps": preview(found)} if found.num_rows else {})},
    )


def _index(value: float | None) -> str:
    return "none" if value is None else f"{value:.0f}"
