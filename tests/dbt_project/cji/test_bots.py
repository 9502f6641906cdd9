"""Machines from their clicks to the index: left out of it, and the share left out is published."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.cji.traffic import ALL_VISITORS, machines, people
from tests.dbt_project.runner import run_models

MODELS = ["fct_cji", "fct_cji_phases", "rpt_traffic_quality_daily"]


def judged(events: pd.DataFrame) -> dict[str, pd.DataFrame]:
    result = run_models(MODELS, stg_web__events=events, cji_segment_kinds=ALL_VISITORS)
    grain = ["traffic_date", "phase_model", "phase"]
    return {
        name: frame.sort_values([column for column in grain if column in frame]).reset_index(drop=True)
        for name, frame in result.items()
    }


@pytest.mark.parametrize("pace", [0.0, 0.3])
def test_machines_at_any_pace_change_nothing_but_the_published_share(pace: float) -> None:
    rng = np.random.default_rng(1)
    human, bots = people(rng, 400, 14), machines(rng, 84, range(10, 14), pace)
    without, found = judged(human), judged(pd.concat([human, bots]).sample(frac=1, random_state=1))
    index = found["fct_cji"][found["fct_cji"]["phase_model"].eq("journey6")].iloc[0]
    assert index["verdict"] == "supported"
    assert index["visits"] > 1500
    for name in ("fct_cji", "fct_cji_phases"):
        columns = without[name].columns.drop("bot_share", errors="ignore")
        pd.testing.assert_frame_equal(found[name][columns], without[name][columns])

    window = found["rpt_traffic_quality_daily"].tail(28)
    assert window["bot_events"].sum() == window["fast_bot_events"].sum() == len(bots) == 84 * 20
    assert index["bot_share"] == pytest.approx(window["bot_events"].sum() / window["events"].sum(), abs=1e-6)
    assert without["fct_cji"]["bot_share"].eq(0).all()


def test_machines_nobody_filters_cost_points_and_are_seen_where_they_click() -> None:
    rng = np.random.default_rng(1)
    human, bots = people(rng, 400, 14), machines(rng, 84, range(10, 14))
    frames = {"cji_segment_kinds": ALL_VISITORS, "int_web__bot_days": []}
    clean, spoilt = (
        run_models(["fct_cji"], stg_web__events=events, **frames)["fct_cji"].set_index("phase_model").loc["journey6"]
        for events in (human, pd.concat([human, bots]))
    )
    assert spoilt["cji"] < clean["cji"] - 5
    assert spoilt["weakest_phase"] == 3
    assert spoilt["bot_share"] == 0
