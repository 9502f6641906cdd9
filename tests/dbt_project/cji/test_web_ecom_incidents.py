"""On a real shop the two incidents that hide in its data are found by phase, segment and days without being told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
import yaml

from ml.cji_incidents import Incident, find_incidents
from orchestration.settings import PROJECT_DIR
from tests.dbt_project.runner import run_model

EXAMPLE = PROJECT_DIR / "docs" / "examples" / "web_ecom.yaml"
DATA = PROJECT_DIR.parent / "shared" / "data" / "web_ecom" / "ecom.csv.gz"

pytestmark = [pytest.mark.realdata, pytest.mark.skipif(not DATA.exists(), reason="the sample data is not here")]


def raw_events(path: Path = DATA) -> pd.DataFrame:
    """Rows of raw.web_events, mapped as the example's sources.yaml says."""
    columns: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["feeds"]["ecom_events"]["columns"]
    written = ", ".join(
        f"{source} as {name}"
        if isinstance(source, str)
        else f"({source['sql']}) as {name}"
        if "sql" in source
        else f"'{source['const']}' as {name}"
        for name, source in columns.items()
    )
    events = duckdb.sql(
        f"select {written}, _row as _row_number from "
        f"(select *, row_number() over () as _row from read_csv('{path}', all_varchar = true))"
    ).df()
    return events.assign(
        occurred_at=pd.to_datetime(events["occurred_at"], utc=True),
        value=events["value"].astype(float),
        _source="ecom_events",
        _delivery_date=date(1970, 1, 1),
        _loaded_at=pd.Timestamp("2026-01-01", tz="UTC"),
        _batch_id="batch",
    )


@pytest.fixture(scope="module")
def daily() -> pd.DataFrame:
    sums = run_model("int_cji__daily_sums", web_events=raw_events())
    sums = sums[sums["phase_model"].eq("journey6") & sums["phase"].le(5) & sums["visits_n"].gt(0)]
    return sums.rename(columns={"device_type": "device", "visitor_type": "visitor"})


def incidents(daily: pd.DataFrame, seed: int = 20260101) -> tuple[Incident, ...]:
    return find_incidents(
        daily,
        day="known_on",
        phase="phase",
        visits="visits_n",
        progressed="visits_sum",
        by=("device", "channel", "visitor"),
        rng=np.random.default_rng(seed),
    ).found


def test_the_mobile_defect_and_the_payment_incident_are_found_and_nothing_else(daily: pd.DataFrame) -> None:
    found = incidents(daily)
    assert {(one.phase, one.segment) for one in found} == {(5, "all"), (5, "device=mobile")}
    payment, mobile = found
    assert abs((payment.first_day - date(2024, 5, 19)).days) <= 3
    assert abs((payment.last_day - date(2024, 6, 7)).days) <= 3
    assert abs((mobile.first_day - date(2024, 4, 9)).days) <= 7  # its first event is of 13 April
    assert abs((mobile.last_day - date(2024, 5, 9)).days) <= 7
    assert mobile.progress_share < mobile.normal_share / 2


@pytest.mark.slow
def test_shuffled_dates_raise_no_alarm_in_95_of_100(daily: pd.DataFrame) -> None:
    days = np.array(sorted(daily["known_on"].unique()))
    alarms = 0
    for seed in range(100):
        order = dict(zip(days, np.random.default_rng(seed).permutation(days), strict=True))
        alarms += bool(incidents(daily.assign(known_on=daily["known_on"].map(order)), seed))
    assert alarms <= 5
