"""What must hold of the index whatever the shop: the SQL equals its slow twin, and obeys the rules of its design."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestration.settings import DBT_PROJECT_DIR
from tests.dbt_project.cji.shops import FIRST_SUNDAY, SEGMENTS
from tests.dbt_project.cji.twin import Shop
from tests.dbt_project.runner import run_models

MODELS = ["fct_cji", "fct_cji_phases"]


def seed_weights() -> dict[int, dict[str, float]]:
    with (DBT_PROJECT_DIR / "seeds" / "cji_weights.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.pop("phase_model") == "journey6"]
    return {int(row["phase"]): {key: float(value) for key, value in row.items()} for row in rows}


def small_world(seed: int) -> tuple[pd.DataFrame, date]:
    """Some 16 to 26 weeks of three segments, one of them too small to judge in places, days on any weekday."""
    rng = np.random.default_rng(seed)
    weeks, rows = int(rng.integers(16, 26)), []
    for device, size in (("desktop", 12.0), ("mobile", 4.0), ("tablet", 0.3)):
        for week in range(weeks):
            for phase in range(1, 7):
                for bucket in rng.choice(100, 12, replace=False):
                    n = int(rng.poisson(size * (1.0 if phase < 4 else 0.5)))
                    if not n:
                        continue
                    comebacks = int(rng.binomial(n, 0.6))
                    timed = int(rng.binomial(n, 0.9))
                    progressed = int(rng.binomial(n, 0.2 + 0.4 * rng.random()))
                    rows.append(
                        {
                            "known_on": FIRST_SUNDAY + timedelta(days=7 * week + int(rng.integers(0, 7))),
                            "phase": phase,
                            "device_type": device,
                            "person_bucket": int(bucket),
                            "visits_n": n,
                            "visits_sum": progressed,
                            "orders_sum": progressed // 3,
                            "margin_cents": progressed // 3 * 1500,
                            "time_n": timed,
                            "time_sum": int(timed * 1e6 * rng.normal(3.5, 0.5)),
                            "pageviews_n": n,
                            "pageviews_sum": int(n * 1e6 * rng.normal(1.0, 0.2)),
                            "comeback_n": comebacks,
                            "comeback_sum": int(rng.binomial(comebacks, 0.2)),
                        }
                    )
    frame = pd.DataFrame(rows)
    keys = ["known_on", "phase", "device_type", "person_bucket"]
    frame = frame.groupby(keys, as_index=False).sum()
    zeros = dict.fromkeys(("seconds_sum", "imputed_seconds_sum", "tab_n", "tab_sum"), 0)
    frame = frame.assign(phase_model="journey6", channel="direct", visitor_type="new", **zeros)
    return frame, FIRST_SUNDAY + timedelta(days=7 * weeks - int(rng.integers(1, 7)))


def world_frames(daily_sums: pd.DataFrame, last: date) -> dict[str, Any]:
    return {
        "int_cji__daily_sums": daily_sums[daily_sums["known_on"].le(last)],
        "int_calendar__as_of": [{"first_date": FIRST_SUNDAY, "as_of_date": last}],
        "cji_segment_kinds": SEGMENTS,
        "rpt_traffic_quality_daily": [],
    }


@pytest.mark.parametrize("seed", range(3))
def test_sql_equals_the_slow_twin(seed: int) -> None:
    """Compared where a segment has a history of its own; benchmarks of peers have their own tests."""
    daily_sums, last = small_world(seed)
    frames = world_frames(daily_sums, last)
    result = run_models([*MODELS, "int_cji__phase_scores"], **frames)
    phases = result["int_cji__phase_scores"]
    compared = 0
    for device in ("desktop", "mobile", "tablet"):
        rows = frames["int_cji__daily_sums"]
        twin = Shop(rows[rows["device_type"].eq(device)].to_dict("records"), seed_weights())
        found = phases[phases["segment"].eq(f"device={device}")].set_index("phase")
        for phase in range(1, 7):
            expected = twin.judged(last, phase)
            if expected is None:
                assert phase not in found.index
                continue
            row = found.loc[phase]
            assert row["visits_n"] == expected["sums"]["visits_n"]
            if row["benchmark_kind"] != "own history":
                assert expected["log_score"] is None or device == "tablet"
                continue
            compared += 1
            if expected["log_score"] is None:
                assert pd.isna(row["log_score"])
                continue
            for name, z in expected["z"].items():
                assert row[f"{name}_z"] == pytest.approx(max(-3, min(3, z)), abs=1e-6), (device, phase, name)
            assert row["log_score"] == pytest.approx(expected["log_score"], abs=1e-5), (device, phase)
            assert row["money_at_stake_eur"] == pytest.approx(expected["money"], abs=0.01)
        index = result["fct_cji"].set_index("segment")["cji"][f"device={device}"]
        if device != "tablet":
            expected_index = twin.index(last)
            assert expected_index is not None
            assert index == pytest.approx(expected_index, abs=1e-3)
    assert compared >= 12
