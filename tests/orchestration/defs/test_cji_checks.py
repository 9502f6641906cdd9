"""What the checks of the journey index let pass, and what they say when it jumps."""

from __future__ import annotations

import math
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from orchestration.defs.warehouse import cji_checks

TODAY = date(2026, 6, 30)
PARAMETERS = ("time", "pageviews", "visits", "comeback", "breadth")
WEIGHTS = {"time": 0.2, "pageviews": 0.2, "visits": 0.4, "comeback": 0.2, "breadth": 0.0}


def score(**indexes: float) -> float:
    return 100 * math.exp(sum(weight * math.log(indexes.get(name, 50) / 100) for name, weight in WEIGHTS.items()))


def shop(days: int = 60, **last: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six phases at 50 for `days`, except what `last` says of phase 5 today."""
    phases, indexes = [], []
    for back in range(days):
        day = TODAY - timedelta(days=back)
        logs = 0.0
        for phase in range(1, 7):
            changed = last if (back == 0 and phase == 5) else {}
            value = score(**changed)
            logs += math.log(value / 100) / 6
            phases.append(
                {"snapshot_date": day, "phase_model": "m", "segment": "all", "phase": phase, "visits": 500}
                | {"score": value, "score_low": value - 3, "score_high": value + 3}
                | {f"{name}_index": changed.get(name, 50.0) for name in PARAMETERS[:-1]}
                | {"breadth_index": None}
            )
        cji = 100 * math.exp(logs)
        indexes.append(
            {"snapshot_date": day, "phase_model": "m", "segment": "all", "cji": cji}
            | {"cji_low": cji - 2, "cji_high": cji + 2}
        )
    return pd.DataFrame(indexes), pd.DataFrame(phases)


def found(name: str, indexes: pd.DataFrame, phases: pd.DataFrame) -> Any:
    connection = duckdb.connect()
    connection.execute("create schema marts; create schema intermediate")
    weights = pd.DataFrame(  # noqa: F841
        [
            {"phase_model": "m", "phase": phase, "phase_weight": 1.0} | {f"{n}_weight": w for n, w in WEIGHTS.items()}
            for phase in range(1, 7)
        ]
    )
    phases = phases.astype({"breadth_index": float})
    connection.execute("create table marts.fct_cji as from indexes; create table marts.fct_cji_phases as from phases")
    connection.execute("create table intermediate.int_cji__weights as from weights")
    folder = Path(cji_checks.__file__).parent
    return connection.execute((folder / f"check_cji_{name}.sql").read_text()).to_arrow_table()


def test_a_quiet_shop_passes_all() -> None:
    for name in ("bounds", "phases_present", "jumps"):
        assert found(name, *shop()).num_rows == 0


@pytest.mark.parametrize(
    ("column", "value"), [("cji", 120.0), ("cji_low", 90.0), ("cji", None), ("cji", 51.0)], ids=str
)
def test_an_index_that_contradicts_itself_stops_the_run(column: str, value: float | None) -> None:
    indexes, phases = shop(30)
    indexes.loc[3, column] = value
    assert found("bounds", indexes, phases).num_rows == 1


def test_a_score_outside_its_interval_stops_the_run() -> None:
    indexes, phases = shop(30)
    phases.loc[8, "score_high"] = 10.0
    assert found("bounds", indexes, phases).column("phase").to_pylist() == [3]


def test_a_phase_that_vanished_is_named_and_a_bad_month_is_none() -> None:
    indexes, phases = shop(30)
    today = phases["snapshot_date"].eq(TODAY)
    gone = phases[~(today & phases["phase"].eq(4))]
    assert found("phases_present", indexes, gone).column("phase").to_pylist() == [4]
    weak = phases.assign(visits=phases["visits"].where(~(today & phases["phase"].eq(4)), 200))
    assert found("phases_present", indexes, weak).num_rows == 0


def test_a_jump_names_its_parameter_and_only_warns() -> None:
    table = found("jumps", *shop(60, visits=2.0, time=45.0))
    row = table.to_pylist()[0]
    assert (row["phase"], row["parameter"], row["index_before"], row["index_now"]) == (5, "visits", 50, 2)
    expected = 0.4 * math.log(2 / 50) / (0.4 * math.log(2 / 50) + 0.2 * math.log(45 / 50))
    assert row["share_of_change"] == pytest.approx(expected)
    result = cji_checks.jumps(table)
    assert not result.passed
    assert result.severity.value == "WARN"
    assert "phase 5 visits (50 -> 2)" in str(result.description)


def test_a_change_within_the_usual_is_no_jump() -> None:
    assert found("jumps", *shop(60, visits=30.0)).num_rows == 0
