"""From parameters to scores: the worked example of docs/cji.md, cells too small to judge, whose benchmark counts."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

SNAPSHOT = date(2026, 6, 28)
BENCHMARK_DAY = SNAPSHOT - timedelta(days=28)
PARAMETERS = ("time", "pageviews", "visits", "comeback")


def parameters(phase: int = 4, segment: str = "all", **changes: Any) -> dict[str, Any]:
    """A phase of 200 visits, all parameters exactly at the benchmark of `benchmark()` unless changed."""
    row: dict[str, Any] = {
        "snapshot_date": SNAPSHOT,
        "segment_kind": segment.partition("=")[0],
        "segment": segment,
        "phase_model": "journey6",
        "phase": phase,
        "is_published": True,
        "margin_cents": 100_000,
        "orders_sum": 10,
        "seconds_sum": 1000,
        "imputed_seconds_sum": 100,
        "tab_n": 0,
        "tab_sum": 0,
    }
    for parameter in PARAMETERS:
        row |= {f"{parameter}_n": 200, f"{parameter}_sum": 100, f"{parameter}_x": 0.0, f"{parameter}_se": 0.1}
        row |= {f"{parameter}_is_usable": True}
    return row | changes


def benchmark(phase: int = 4, segment: str = "all", kind: str = "own history", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "benchmark_kind": kind,
        "benchmark_date": BENCHMARK_DAY,
        "segment_kind": segment.partition("=")[0],
        "segment": segment,
        "phase_model": "journey6",
        "phase": phase,
        "visits_p75": 0.0,
    }
    for parameter in PARAMETERS:
        row |= {f"{parameter}_units": 40, f"{parameter}_benchmark": 0.0, f"{parameter}_spread": 0.2}
    return row | changes


def scores(rows: list[dict[str, Any]], benchmarks: list[dict[str, Any]], **frames: Any) -> pd.DataFrame:
    return run_model("int_cji__phase_scores", int_cji__parameters=rows, int_cji__benchmarks=benchmarks, **frames)


def on_benchmark_day(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[pd.to_datetime(frame["benchmark_date"]).eq(pd.Timestamp(BENCHMARK_DAY))]


def score(row: dict[str, Any], reference: dict[str, Any] | None) -> float:
    frame = scores([row], [reference] if reference else [])
    return 100 * math.exp(frame["log_score"].iloc[0])


WORKED = parameters(
    time_x=4.0, pageviews_x=1.0, visits_x=-0.4034, visits_se=0.9, comeback_n=12, comeback_is_usable=False
)
WORKED_BENCHMARK = benchmark(
    time_benchmark=3.8, time_spread=0.1, time_unit_noise=0.5,
    pageviews_benchmark=1.0, pageviews_unit_noise=2.0, visits_unit_noise=4.5,
)  # fmt: skip


def test_the_example_worked_by_hand() -> None:
    assert score(WORKED, WORKED_BENCHMARK) == pytest.approx(12.76, abs=0.01)


def test_at_the_benchmark_every_phase_scores_fifty() -> None:
    for phase in range(1, 7):
        assert score(parameters(phase), benchmark(phase)) == pytest.approx(50)


@pytest.mark.parametrize(
    ("phase", "parameter", "helps"),
    [
        (1, "time", True), (3, "pageviews", True), (4, "time", False), (5, "pageviews", False),
        (2, "visits", True), (5, "visits", True), (4, "comeback", True), (6, "comeback", True),
    ],
)  # fmt: skip
def test_more_is_good_or_bad_by_phase(phase: int, parameter: str, helps: bool) -> None:
    ladder = [score(parameters(phase, **{f"{parameter}_x": x}), benchmark(phase)) for x in (-9, -0.3, 0.0, 0.3, 9)]
    assert ladder == (sorted(ladder) if helps else sorted(ladder, reverse=True))
    assert ladder[0] != pytest.approx(ladder[-1])


def test_loyalty_is_judged_by_repeat_orders_and_comebacks_alone() -> None:
    assert score(parameters(6, time_x=5.0, pageviews_x=-5.0), benchmark(6)) == pytest.approx(50)


def test_noise_is_shrunk_towards_the_benchmark() -> None:
    noisy = score(parameters(visits_x=-0.4, visits_se=1.0), benchmark())
    sure = score(parameters(visits_x=-0.4, visits_se=0.01), benchmark())
    assert sure < noisy < 50
    assert noisy > 45


def test_shrinkage_goes_by_the_noise_at_the_benchmark_not_by_that_of_the_window() -> None:
    """All of 200 fail: their own error of 1.4 would shrink the logit of -6 to next to nothing."""
    reference = benchmark(visits_unit_noise=4.0)
    scale = [score(parameters(visits_x=-6.0, visits_se=error), reference) for error in (0.1, 1.4)]
    assert scale[0] == scale[1] == pytest.approx(100 * 0.5**0.6 * 0.01**0.4)


def test_a_history_that_never_moved_does_not_divide_by_zero() -> None:
    still = benchmark(visits_spread=0.0)
    assert score(parameters(), still) == pytest.approx(50)
    assert score(parameters(visits_x=-5.0, visits_se=0.2), still) == pytest.approx(50)  # no spread: all of it is noise


def test_under_thirty_visits_or_without_a_benchmark_there_is_no_score() -> None:
    frame = scores([parameters(1, visits_n=29), parameters(2), parameters(3)], [benchmark(1), benchmark(3)])
    frame = frame.set_index("phase").sort_index()
    assert frame["log_score"].isna().to_dict() == {1: True, 2: True, 3: False}
    assert frame["benchmark_kind"].to_dict() == {1: "own history", 2: "none", 3: "own history"}
    assert frame["money_at_stake_eur"].isna().to_dict() == {1: True, 2: True, 3: False}
    assert math.isnan(frame["visits_z"][2])  # unknown, not "far above"


def test_too_short_a_history_falls_back_on_peers_then_on_everyone_then_on_the_industry_table() -> None:
    mobile = parameters(segment="device=mobile")
    own = benchmark(segment="device=mobile", visits_units=5)
    peers = {**benchmark(segment="device=mobile", kind="peers"), "segment": "device", "visits_benchmark": 0.3}
    industry = [
        {"phase_model": "journey6", "phase": 4, "parameter": "visits", "p25": 0.3, "p50": 0.4, "p75": 0.5},
        {"phase_model": "journey6", "phase": 4, "parameter": "time", "p25": 20.0, "p50": 30.0, "p75": 45.0},
    ]
    kinds = [
        scores([mobile], references, **seeds)["benchmark_kind"].iloc[0]
        for references, seeds in (
            ([{**own, "visits_units": 6}, peers], {}),
            ([own, peers, benchmark()], {}),
            ([own, benchmark()], {"cji_industry_benchmarks": industry}),
            ([own], {"cji_industry_benchmarks": industry}),
            ([own], {}),
        )
    ]
    assert kinds == ["own history", "peers", "all visitors", "industry table", "none"]
    row = scores([mobile], [own], cji_industry_benchmarks=industry).iloc[0]
    assert row["visits_benchmark"] == pytest.approx(math.log(0.4 / 0.6))
    assert row["time_spread"] == pytest.approx((math.log(45) - math.log(20)) / 1.349)
    assert row["visits_unit_noise"] == pytest.approx(1 / (0.4 * 0.6))
    assert math.isnan(row["time_unit_noise"])
    assert math.isnan(row["pageviews_z"])


def test_money_is_the_margin_that_progress_at_the_best_quarter_would_add() -> None:
    row = scores([parameters(visits_x=0.0, margin_cents=100_000)], [benchmark(visits_p75=math.log(0.6 / 0.4))]).iloc[0]
    assert row["money_at_stake_eur"] == pytest.approx(1000 * (0.6 / 0.5 - 1), rel=1e-6)
    better = scores([parameters(visits_x=2.0)], [benchmark(visits_p75=0.4)]).iloc[0]
    assert better["money_at_stake_eur"] == 0


def test_the_judged_window_is_never_part_of_its_own_benchmark() -> None:
    """A collapse inside the window moves the benchmark of that window by nothing."""

    def history(last: float) -> list[dict[str, Any]]:
        rows = []
        for week in range(20):
            day = SNAPSHOT - timedelta(weeks=week)
            value = last if week < 4 else 0.1 * (week % 3)
            rows.append(parameters(snapshot_date=day, visits_x=value))
        return rows

    frames = [run_model("int_cji__benchmarks", int_cji__parameters=history(last)) for last in (0.0, -9.0)]
    used = [on_benchmark_day(frame) for frame in frames]
    columns = ["visits_benchmark", "visits_spread", "visits_p75", "visits_units"]
    assert used[0][columns].to_numpy().tolist() == used[1][columns].to_numpy().tolist()
    assert used[0]["visits_units"].tolist() == [16]


def test_benchmark_is_median_and_mad_less_the_noise_but_never_under_a_tenth() -> None:
    values = [0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
    total = 1.4826 * 0.4
    for error, variance in ((0.1, total**2 - 0.01), (9.0, 0.1 * total**2)):
        rows = [
            parameters(snapshot_date=BENCHMARK_DAY - timedelta(weeks=week), visits_x=value, visits_se=error)
            for week, value in enumerate(values)
        ]
        frame = run_model("int_cji__benchmarks", int_cji__parameters=[*rows, parameters()])
        row = on_benchmark_day(frame).iloc[0]
        assert row["visits_benchmark"] == pytest.approx(0.4)
        assert row["visits_spread"] == pytest.approx(math.sqrt(variance))
