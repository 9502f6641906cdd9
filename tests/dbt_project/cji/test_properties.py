"""What must hold of the index whatever the shop: the SQL equals its slow twin, and obeys the rules of its design."""

from __future__ import annotations

import csv
import math
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from orchestration.settings import DBT_PROJECT_DIR
from tests.dbt_project.cji.shops import FIRST_SUNDAY, SEGMENTS, unshrunk_index
from tests.dbt_project.cji.twin import Shop
from tests.dbt_project.runner import run_models

MODELS = ["fct_cji", "fct_cji_phases"]
MEANS = ("time", "pageviews")


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


def window_frames(daily_sums: pd.DataFrame, last: date) -> dict[str, Any]:
    return {
        "int_cji__daily_sums": daily_sums[daily_sums["known_on"].le(last)],
        "int_calendar__as_of": [{"first_date": FIRST_SUNDAY, "as_of_date": last}],
        "cji_segment_kinds": SEGMENTS,
    }


def world_frames(daily_sums: pd.DataFrame, last: date) -> dict[str, Any]:
    return window_frames(daily_sums, last) | {"rpt_traffic_quality_daily": []}


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


def judged(daily_sums: pd.DataFrame, last: date) -> dict[str, pd.DataFrame]:
    """Index and phases, rows in the order of their grain."""
    result = run_models(MODELS, **world_frames(daily_sums, last))
    grains = {"fct_cji": ["segment"], "fct_cji_phases": ["segment", "phase"]}
    return {name: frame.sort_values(grains[name]).reset_index(drop=True) for name, frame in result.items()}


def assert_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame], but: tuple[str, ...] = ()) -> None:
    for name, frame in one.items():
        columns = frame.columns.difference(but)
        pd.testing.assert_frame_equal(frame[columns], other[name][columns], rtol=0, atol=2e-4)


@pytest.mark.parametrize("seed", range(3))
def test_minutes_instead_of_seconds_change_nothing(seed: int) -> None:
    """Each ln(time), window and benchmark alike, is smaller by ln 60; so is the floor of a second, ln(1 / 60)."""
    daily_sums, last = small_world(seed)
    minutes = daily_sums.assign(time_sum=daily_sums["time_sum"] - round(math.log(60) * 1e6) * daily_sums["time_n"])
    before, after = judged(daily_sums, last), judged(minutes, last)
    moved = ("time_mean_log", "time_benchmark")
    assert_same(before, after, but=moved)
    for column in moved:
        change = (after["fct_cji_phases"][column] - before["fct_cji_phases"][column]).dropna()
        assert np.allclose(change, -math.log(60), atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_permuting_the_buckets_of_persons_changes_nothing(seed: int) -> None:
    """Not even an interval: a bucket stands for nobody in particular."""
    daily_sums, last = small_world(seed)
    numbers = np.random.default_rng(seed).permutation(100)
    permuted = daily_sums.assign(person_bucket=numbers[daily_sums["person_bucket"]]).sample(frac=1, random_state=seed)
    assert_same(judged(daily_sums, last), judged(permuted, last))


@pytest.mark.parametrize("seed", range(3))
def test_other_person_ids_change_no_parameter_and_no_benchmark(seed: int) -> None:
    """Other ids fall into other buckets: the estimate of the noise differs by chance, and all that rests on it."""
    daily_sums, last = small_world(seed)
    daily_sums = daily_sums[daily_sums["device_type"].ne("tablet")]
    numbers = np.random.default_rng(seed).integers(0, 100, len(daily_sums))
    before, after = judged(daily_sums, last), judged(daily_sums.assign(person_bucket=numbers), last)
    rests_on_noise = [
        column
        for column in before["fct_cji_phases"]
        if column.endswith(("_index", "_standard_error")) or column.startswith("score")
    ]
    assert_same({"fct_cji_phases": before["fct_cji_phases"]}, after, but=tuple(rests_on_noise))
    assert before["fct_cji"]["visits"].equals(after["fct_cji"]["visits"])


@pytest.mark.parametrize("seed", range(3))
def test_all_data_twice_move_the_index_without_shrinkage_by_less_than_half_a_point(seed: int) -> None:
    """Every person comes twice as often. The copies lie in the buckets of their originals, as persons' visits do."""
    daily_sums, last = small_world(seed)
    daily_sums = daily_sums[daily_sums["device_type"].ne("tablet")]
    sums = [column for column in daily_sums if column.endswith(("_n", "_sum", "_cents"))]
    doubled = daily_sums.assign(**{column: 2 * daily_sums[column] for column in sums})
    once, twice = (
        unshrunk_index(**run_models(["int_cji__parameters", "int_cji__benchmarks"], **window_frames(rows, last)))
        for rows in (daily_sums, doubled)
    )
    change = twice - once
    assert len(change) == 2
    assert change.abs().max() < 0.5


def last_window(seed: int, device: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bucket sums of a device's last window, and its benchmark as that of all visitors."""
    daily_sums, last = small_world(seed)
    result = run_models(["int_cji__window_buckets", "int_cji__benchmarks"], **window_frames(daily_sums, last))
    buckets, benchmarks = result.values()
    return (
        buckets[buckets["segment"].eq(f"device={device}") & buckets["is_published"]],
        benchmarks[benchmarks["segment"].eq(f"device={device}")].assign(segment="all", segment_kind="all"),
    )


def raised(buckets: pd.DataFrame, phase: int, parameter: str, step: float) -> pd.DataFrame:
    """Add `step` to every logarithm of a parameter; let that part of those without success succeed (below 0: fail)."""
    n, total = buckets[f"{parameter}_n"], buckets[f"{parameter}_sum"]
    if parameter in MEANS:
        change = step * 1e6 * n
    else:
        change = np.floor(step * (n - total)) if step > 0 else np.ceil(step * total)
    return buckets.assign(**{f"{parameter}_sum": total + change.where(buckets["phase"].eq(phase), 0)})


@pytest.mark.parametrize(("seed", "device"), [(0, "mobile"), (1, "mobile"), (2, "desktop")])
def test_raising_a_parameter_in_its_direction_never_lowers_its_phase_or_the_index(seed: int, device: str) -> None:
    buckets, benchmarks = last_window(seed, device)
    weights, steps = seed_weights(), (-1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0)
    ladders = [
        (phase, parameter, weights[phase].get(f"{parameter}_direction", 1.0))
        for phase in weights
        for parameter in ("time", "pageviews", "visits", "comeback")
    ]
    variants = [
        raised(buckets, phase, parameter, direction * step).assign(segment=f"device={phase} {parameter} {number}")
        for phase, parameter, direction in ladders
        for number, step in enumerate(steps)
    ]
    result = run_models(MODELS, int_cji__window_buckets=pd.concat(variants), int_cji__benchmarks=benchmarks)
    index = result["fct_cji"].set_index("segment")["cji"]
    score = result["fct_cji_phases"].set_index(["segment", "phase"])["score"]
    for phase, parameter, _ in ladders:
        names = [f"device={phase} {parameter} {number}" for number in range(len(steps))]
        for ladder in (index[names], score[[(name, phase) for name in names]]):
            assert (np.diff(ladder) >= 0).all(), (phase, parameter, ladder.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_a_phase_nobody_gets_through_is_the_weakest(seed: int) -> None:
    """The standard error of its logit is at its largest there, and says nothing about how surely it is bad."""
    buckets, benchmarks = last_window(seed, "mobile")
    variants = [
        raised(buckets, phase, "visits", -1.0).assign(segment=f"device=nobody gets through {phase}")
        for phase in range(1, 7)
    ]
    result = run_models(MODELS, int_cji__window_buckets=pd.concat(variants), int_cji__benchmarks=benchmarks)
    index = result["fct_cji"].set_index("segment").sort_index()
    assert index["weakest_phase"].tolist() == [1, 2, 3, 4, 5, 6]
