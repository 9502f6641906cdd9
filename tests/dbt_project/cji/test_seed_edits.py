"""The edits of docs/cji.md, made in the seeds and computed through dbt, give the numbers computed there by hand."""

from __future__ import annotations

import csv
import math
from typing import Any

import pytest

from orchestration.settings import DBT_PROJECT_DIR
from tests.dbt_project.cji.test_scores import WORKED, WORKED_BENCHMARK, scores
from tests.dbt_project.cji.worlds import Visit, frames
from tests.dbt_project.runner import run_model

AS_OF = 20


def seed(name: str) -> list[dict[str, Any]]:
    with (DBT_PROJECT_DIR / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def visits() -> list[Visit]:
    """Home for 20 s, the configurator for 40 s; the first of three goes on to the basket."""
    pages = [(0, "page_view", "home", None), (20, "page_view", "configurator", None)]
    after = [[(60, "view_cart", "basket", None)], [(60, "scroll", "account", None)], [(60, "scroll", "account", None)]]
    return [Visit(0, person, [*pages, *more]) for person, more in zip("abc", after, strict=True)]


def parameters(phase: int, model: str = "journey6", **seeds: Any) -> dict[str, float] | None:
    rows = run_model("int_cji__daily_sums", **frames(visits(), AS_OF), **seeds)
    sums = rows[rows["phase_model"].eq(model) & rows["phase"].eq(phase)].sum(numeric_only=True)
    if not sums["visits_n"]:
        return None
    n, k = sums["visits_n"], sums["visits_sum"]
    return {
        "n": n,
        "visits": math.log((k + 0.5) / (n - k + 0.5)),
        "time": sums["time_sum"] / max(sums["time_n"], 1) / 1e6,
        "pageviews": sums["pageviews_sum"] / max(sums["pageviews_n"], 1) / 1e6,
    }


def test_another_weight() -> None:
    weights = seed("cji_weights")
    row = next(row for row in weights if (row["phase_model"], row["phase"]) == ("journey6", "4"))
    row["visits_weight"] = "0.6"
    log_score = scores([WORKED], [WORKED_BENCHMARK], cji_weights=weights)["log_score"].iloc[0]
    assert 100 * math.exp(log_score) == pytest.approx(12.11, abs=0.01)


def test_another_page_type() -> None:
    rules = seed("cji_event_phases")
    assert parameters(3, cji_event_phases=rules) is None
    rules.append({"phase_model": "journey6", "match_on": "page_type", "value": "configurator", "phase": "3"})
    found = parameters(3, cji_event_phases=rules)
    assert found is not None
    assert found["n"] == 3
    assert found["visits"] == pytest.approx(-0.51, abs=0.005)
    assert found["pageviews"] == 0


def test_the_time_of_another_page_type() -> None:
    """Each configurator page is left after 40 s; what follows is neutral or the basket and has no page of its own."""
    rules = seed("cji_event_phases")
    rules.append({"phase_model": "journey6", "match_on": "page_type", "value": "configurator", "phase": "3"})
    rows = run_model("int_cji__visit_stages", **frames(visits(), AS_OF), cji_event_phases=rules)
    rows = rows[rows["phase_model"].eq("journey6") & rows["phase"].eq(3)]
    assert (rows["measured_micros"] / 1e6).map(math.log).round(2).tolist() == [3.69] * 3


def test_another_phase_model() -> None:
    phases, weights, rules = seed("cji_phases"), seed("cji_weights"), seed("cji_event_phases")
    shared = {"phase_model": "short", "averages_over": "entered", "comeback_days": "7", "unit": "visit"}
    shared |= {"counts_micro_conversions": "false"}
    phases += [
        shared
        | {"phase": "1", "member_from": "1", "member_to": "1", "entry_rule": "all_visits", "progress_rule": "phases"}
        | {"progress_from": "2", "progress_to": "2"},
        shared
        | {"phase": "2", "member_from": "2", "member_to": "2", "entry_rule": "events", "progress_rule": "purchase"},
    ]
    weights += [{**weights[0], "phase_model": "short", "phase": phase} for phase in ("1", "2")]
    rules += [
        {"phase_model": "short", "match_on": "page_type", "value": value, "phase": phase}
        for value, phase in (("*", "1"), ("basket", "2"), ("checkout", "2"))
    ]
    seeds = {"cji_phases": phases, "cji_event_phases": rules}
    first, second = (parameters(phase, "short", **seeds) for phase in (1, 2))
    assert first is not None
    assert second is not None
    assert first["n"] == 3
    assert first["visits"] == pytest.approx(-0.51, abs=0.005)
    assert second["n"] == 1
