"""Incidents of the journey: since when, in which phase and who stopped getting on, without being told where to look."""

from __future__ import annotations

from datetime import date

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml.cji_incidents import find_incidents
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_SEED = 20260101
_KEY = dg.AssetKey(["ml", "cji_incidents"])
_CHECK = "incidents_agree_with_their_visits"
_OPEN = "no_incident_is_open"


@dg.asset(
    key=_KEY,
    group_name="ml/cji",
    kinds={"python", "duckdb"},
    owners=["team:science"],
    deps=[
        dg.AssetKey(["intermediate", "int_cji__daily_sums"]),
        dg.AssetKey(["intermediate", "int_calendar__as_of"]),
        dg.AssetKey(["seeds", "cji_phases"]),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _CHECK,
            asset=_KEY,
            blocking=True,
            description="Visits and progress of an incident are those of its days, and lie below its normal days.",
        ),
        dg.AssetCheckSpec(
            _OPEN,
            asset=_KEY,
            description="Warns while a segment gets on from a phase clearly less than in the weeks before.",
        ),
    ],
    pool="warehouse",
    code_version="1",
)
def cji_incidents(warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per incident of the last year: phase, segment, days, progress then and normally, what it cost."""
    table = found(warehouse.read_query("ml/cji_incidents.sql").to_pandas(date_as_object=False))
    warehouse.replace("ml.cji_incidents", table)
    still_open = table.filter(table["is_open"])
    return dg.MaterializeResult(
        metadata={"dagster/row_count": table.num_rows, "open": still_open.num_rows, "preview": preview(table)},
        check_results=[
            check(_CHECK, warehouse.read_query("ml/check_cji_incidents.sql")),
            dg.AssetCheckResult(
                check_name=_OPEN,
                passed=still_open.num_rows == 0,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"open": "; ".join(sentence(row) for row in still_open.to_pylist()) or "none"},
            ),
        ],
    )


def found(frame: pd.DataFrame) -> pa.Table:
    """Rows of ml.cji_incidents from daily visits of all phase models."""
    schema = TABLES["cji_incidents"]
    parts = []
    for phase_model, rows in frame.groupby("phase_model"):
        incidents = find_incidents(
            rows,
            day="day",
            phase="phase",
            visits="visits",
            progressed="progressed",
            by=("device", "channel", "visitor"),
            value="margin_eur",
            rng=np.random.default_rng(_SEED),
        )
        parts.append(incidents.to_frame().assign(phase_model=phase_model))
    parts = [part for part in parts if len(part)]
    if not parts:
        return schema.empty_table()
    return pa.Table.from_pandas(pd.concat(parts)[schema.names], schema=schema, preserve_index=False)


def sentence(row: dict[str, object]) -> str:
    """Say it in a line: since 2024-04-09: device=mobile, journey6 phase 5, progress 0.34 instead of 0.79."""
    first_day = row["first_day"]
    assert isinstance(first_day, date)
    return (
        f"since {first_day.isoformat()}: {row['segment']}, {row['phase_model']} phase {row['phase']}, progress "
        f"{row['progress_share']:.2f} instead of {row['normal_share']:.2f}"
    )
