"""Seeded runs against faulty APIs: exactly the true rows, or a red run that changed nothing. Never short and green."""

from __future__ import annotations

from collections import Counter

import pytest

from orchestration.sources import rest_client
from orchestration.sources.errors import DeliveryError
from tests.orchestration.sources.faulty_api import SHAPES, FaultyApi


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(rest_client, "BACKOFF", 0.005)


def outcome(desk, seed):
    """Load once; returns whether it was green, and the faults that were met."""
    with FaultyApi(SHAPES[seed % len(SHAPES)], seed) as api:
        desk.feeds = {"api": api.feed()}
        before = rows(desk) if desk.warehouse.exists() else []
        try:
            [report] = desk.load("products")
        except DeliveryError as error:
            [report] = error.reports
            assert report.state in ("missing", "truncated"), f"seed {seed}"
            assert rows(desk) == before, f"seed {seed} ({api.shape}) is red and has changed rows: {api.faults}"
            return False, api.faults
        truth = sorted((record["id"], record["name"]) for record in api.records)
        assert rows(desk) == truth, f"seed {seed} ({api.shape}) is green and not the truth: {api.faults}"
        assert report.rows_in == report.rows_loaded == len(truth), f"seed {seed}"
        return True, api.faults


def rows(desk):
    return desk.rows("select product_id, name from raw.products order by 1, 2")


def run(desk, seeds):
    green, met, survived = Counter(), Counter(), 0
    for seed in seeds:
        is_green, faults = outcome(desk, seed)
        green[is_green] += 1
        survived += is_green and bool(faults)
        met.update(set(faults))
    print(f"seeds {seeds[0]}-{seeds[-1]}: {green[True]} green ({survived} in spite of faults), {green[False]} red")
    print(f"runs that met each fault: {dict(sorted(met.items()))}")
    return green, met, survived


def test_a_faulty_api_is_exact_or_red(desk):
    green, _, survived = run(desk, range(24))
    assert min(green[True], green[False], survived) > 0, "the plan of faults tests only one side"


@pytest.mark.slow
def test_a_faulty_api_is_exact_or_red_over_200_seeds(desk):
    green, met, survived = run(desk, range(1000, 1200))
    assert len(met) >= 14
    assert min(green[True], green[False], survived) >= 20
