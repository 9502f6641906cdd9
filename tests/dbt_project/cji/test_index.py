"""The index, its jackknife intervals and what is recommended, against plain arithmetic over person buckets."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from tests.dbt_project.cji.test_scores import PARAMETERS, SNAPSHOT, benchmark
from tests.dbt_project.runner import run_model

BUCKETS = 100


def bucket(number: int, phase: int, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "snapshot_date": SNAPSHOT,
        "is_published": True,
        "segment_kind": "all",
        "segment": "all",
        "phase_model": "journey6",
        "phase": phase,
        "person_bucket": number,
        "orders_sum": 2,
        "margin_cents": 2000,
        "seconds_sum": 100,
        "imputed_seconds_sum": 10,
        "tab_n": 0,
        "tab_sum": 0,
    }
    for parameter in PARAMETERS:
        row |= {f"{parameter}_n": 20, f"{parameter}_sum": 10}
    return row | changes


def shop(progress: dict[int, int], seed: int = 7, buckets: int = BUCKETS) -> list[dict[str, Any]]:
    """Buckets of 20 visits in six phases; `progress` says how many of 20 get on, give or take one."""
    dice = random.Random(seed)
    return [
        bucket(
            number,
            phase,
            visits_sum=progress.get(phase, 10) + dice.choice((-1, 0, 1)),
            time_sum=20 * 4_000_000 + dice.randrange(-9_000_000, 9_000_000),
            pageviews_sum=20 * 700_000,
            comeback_sum=10 + dice.choice((-1, 0, 1)),
        )
        for phase in range(1, 7)
        for number in range(buckets)
    ]


def references(**changes: Any) -> list[dict[str, Any]]:
    centre = {"time_benchmark": 4.0, "pageviews_benchmark": 0.7, "visits_p75": 0.1}
    return [benchmark(phase, **(centre | changes)) for phase in range(1, 7)]


def model(name: str, rows: list[dict[str, Any]], **frames: Any) -> Any:
    return run_model(name, int_cji__window_buckets=rows, int_cji__benchmarks=references(), **frames)


def obvious_standard_error(rows: list[dict[str, Any]], parameter: str) -> float:
    n = np.array([row[f"{parameter}_n"] for row in rows], float)
    s = np.array([row[f"{parameter}_sum"] for row in rows], float)

    def value(n: Any, s: Any) -> Any:
        if parameter in ("time", "pageviews"):
            return s / n / 1e6
        return np.log((s + 0.5) / (n - s + 0.5))

    changes = value(n.sum() - n, s.sum() - s) - value(n.sum(), s.sum())
    jackknife = math.sqrt((BUCKETS - 1) / BUCKETS * (changes**2).sum())
    if parameter in ("time", "pageviews"):
        return jackknife
    return max(jackknife, math.sqrt(1 / (s.sum() + 0.5) + 1 / ((n - s).sum() + 0.5)))


def test_standard_errors_leave_out_one_bucket_at_a_time() -> None:
    rows = shop({})
    frame = run_model("int_cji__parameters", int_cji__window_buckets=rows).set_index("phase")
    for phase in (1, 4):
        members = [row for row in rows if row["phase"] == phase]
        for parameter in PARAMETERS:
            assert frame[f"{parameter}_se"][phase] == pytest.approx(obvious_standard_error(members, parameter))


def test_no_success_at_all_is_not_certainty() -> None:
    rows = [bucket(number, 4, visits_n=1, visits_sum=0) for number in range(40)]
    row = run_model("int_cji__parameters", int_cji__window_buckets=rows).iloc[0]
    assert row["visits_se"] > 1


def test_the_order_of_rows_changes_nothing() -> None:
    rows = shop({5: 6})
    shuffled = random.Random(1).sample(rows, len(rows))
    columns = ["cji", "cji_low", "cji_high", "weakest_phase"]
    assert model("fct_cji", rows)[columns].equals(model("fct_cji", shuffled)[columns])


def test_the_index_is_the_geometric_mean_and_lies_in_its_interval() -> None:
    rows = shop({5: 6})
    phases = model("fct_cji_phases", rows).set_index("phase").sort_index()
    index = model("fct_cji", rows)
    index = index[index["phase_model"].eq("journey6")].iloc[0]
    assert index["cji"] == pytest.approx(np.exp(np.log(phases["score"]).mean()), abs=1e-3)
    assert index["cji_low"] < index["cji"] < index["cji_high"]
    assert (phases["score_low"] <= phases["score"]).all()
    assert (phases["score"] <= phases["score_high"]).all()
    assert index["weakest_phase"] == phases["score"].idxmin() == 5
    assert index["verdict"] == "supported"
    assert index["visits"] == 2000
    assert index["macro_conversion_share"] == pytest.approx(0.1)


def test_the_interval_of_the_index_is_the_jackknife_of_the_index() -> None:
    dice = random.Random(3)
    # Buckets that differ by more than throws of a coin, so that the binomial floor adds nothing.
    rows = [
        row | {"visits_sum": dice.randrange(4, 16), "comeback_sum": dice.randrange(4, 16)}
        for row in shop({}, buckets=12)
    ]
    whole = model("int_cji__phase_scores", rows).set_index("phase").sort_index()

    def log_index(left_out: int) -> float:
        kept = [row for row in rows if row["person_bucket"] != left_out]
        total = 0.0
        for phase, full in whole.iterrows():
            part, weights = 0.0, 0.0
            members = [row for row in kept if row["phase"] == phase]
            for parameter in PARAMETERS:
                weight = full[f"{parameter}_weight"]
                if not weight:
                    continue
                n = sum(row[f"{parameter}_n"] for row in members)
                s = sum(row[f"{parameter}_sum"] for row in members)
                x = s / n / 1e6 if parameter in ("time", "pageviews") else math.log((s + 0.5) / (n - s + 0.5))
                error, spread = full[f"{parameter}_se"], full[f"{parameter}_spread"]
                z = full[f"{parameter}_direction"] * (x - full[f"{parameter}_benchmark"])
                z = max(-3.0, min(3.0, z * spread / (spread**2 + error**2)))
                share = max(0.01, min(0.99, 0.5 * (1 + math.erf(z / math.sqrt(2)))))
                part, weights = part + weight * math.log(share), weights + weight
            total += part / weights / 6
        return total

    index = model("fct_cji", rows)
    index = index[index["phase_model"].eq("journey6")].iloc[0]
    changes = [100 * math.exp(log_index(number)) - index["cji"] for number in range(12)]
    error = math.sqrt((BUCKETS - 1) / BUCKETS * sum(change**2 for change in changes))
    # The model is linear in the buckets and bends along the way; the obvious one is not and does not.
    assert (index["cji_high"] - index["cji_low"]) / 2 == pytest.approx(1.96 * error, rel=0.1)


@pytest.mark.parametrize(("z", "index"), [(-2.5, 1), (2.5, 99)])
def test_a_score_at_the_clip_is_not_certain(z: float, index: float) -> None:
    """There a step of z does not move the score; the interval reaches back over the clip (at z = 2.33)."""
    rows = shop({})
    found = model("int_cji__phase_scores", rows).set_index("phase").loc[5]
    benchmark = found["visits_x"] - z * (0.2**2 + found["visits_se"] ** 2) / 0.2
    beyond = references(visits_benchmark=benchmark)
    row = (
        run_model("fct_cji_phases", int_cji__window_buckets=rows, int_cji__benchmarks=beyond).set_index("phase").loc[5]
    )
    assert row["visits_index"] == pytest.approx(index, abs=1e-3)
    assert row["score_low"] < row["score"] < row["score_high"]


def test_fewer_than_four_phases_make_no_index() -> None:
    rows = [row for row in shop({}) if row["phase"] <= 3]
    index = model("fct_cji", rows).iloc[0]
    assert math.isnan(index["cji"])
    assert math.isnan(index["cji_low"])
    assert index["phases_scored"] == 3
    assert index["verdict"] == "not enough data"
    assert model("rpt_cji_recommendations", rows)["verdict"].tolist() == ["not enough data"]


def test_a_broken_checkout_is_where_to_act_and_comes_with_its_campaign() -> None:
    row = model("rpt_cji_recommendations", shop({5: 5})).iloc[0]
    assert row["phase"] == 5
    assert row["verdict"] == "act"
    assert row["confidence"] > 0.95
    assert "checkout" in row["campaign_en"].lower()
    assert row["money_at_stake_eur"] > row["second_money_at_stake_eur"]


def test_two_equal_weaknesses_are_no_clear_bottleneck() -> None:
    rows = [row | {"phase": 2 if row["phase"] == 5 else 5} if row["phase"] in (2, 5) else row for row in shop({5: 6})]
    twins = [row for row in rows if row["phase"] != 5]
    twins += [row | {"phase": 5} for row in twins if row["phase"] == 2]
    row = model("rpt_cji_recommendations", twins).iloc[0]
    assert {row["phase"], row["second_phase"]} == {2, 5}
    assert row["verdict"] == "no clear bottleneck"
    assert row["campaign_de"] is None


def test_nothing_is_recommended_where_every_phase_is_in_its_best_quarter() -> None:
    row = model("rpt_cji_recommendations", shop(dict.fromkeys(range(1, 7), 15))).iloc[0]
    assert row["verdict"] == "no clear bottleneck"
    assert row["money_at_stake_eur"] == 0
