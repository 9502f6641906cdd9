"""kill -9 in the middle of a load: raw is as before or as after, and the next load heals it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestration.settings import PROJECT_DIR
from tests.orchestration.sources.conftest import NOW, ORDER_HEADER, Desk
from tests.orchestration.sources.test_load import DAYS, contents
from tests.orchestration.sources.test_replay import balance

ROWS = 12_000
CHILD = """
import sys
from datetime import date, datetime
from pathlib import Path
from orchestration.sources.config import load_config
from orchestration.sources.load import load_entity
folder, moment, *days = sys.argv[1:]
config = load_config(Path(folder) / "sources.yaml")
print("ready", flush=True)
load_entity(config, "orders", map(date.fromisoformat, days), warehouse=Path(folder) / "data" / "warehouse.duckdb",
            key=b"k" * 32, timezone="Europe/Berlin", now=datetime.fromisoformat(moment))
"""


def write_days(desk, seed):
    """Files of a few days with bad rows, rows that break, and keys that come again."""
    rng = random.Random(seed)
    for day in DAYS:
        lines = []
        for number in range(ROWS):
            key = rng.randrange(number + 1) if rng.random() < 0.05 else number
            net = rng.choice(["7,00", "8,50", "1.234,00", "x"])
            extra = ";zu viel" if rng.random() < 0.01 else ""
            lines.append(f"{key};{day:%d.%m.%Y} 12:00:00;k{rng.randrange(5000)};01067;{net};open{extra}\n")
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + "".join(lines))


def start_load(desk):
    arguments = [sys.executable, "-c", CHILD, str(desk.folder), (NOW + timedelta(days=1)).isoformat()]
    process = subprocess.Popen(
        [*arguments, *(day.isoformat() for day in DAYS)],
        cwd=PROJECT_DIR,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def killed_loads(tmp_path, orders, seed, times):
    """Kill a load at random points, each time from the same start; return how many kills met a load under way."""
    start = Desk(tmp_path / "start", {"erp": orders()})
    write_days(start, seed)
    start.load("orders", *DAYS)
    before = contents(start)
    write_days(start, seed + 1)
    whole = replace(start, folder=tmp_path / "whole")
    shutil.copytree(start.folder, whole.folder)
    process, began = start_load(whole), time.monotonic()
    assert process.wait() == 0
    lasts = time.monotonic() - began
    after = contents(whole)
    assert after != before
    rng, met, states = random.Random(seed), 0, []
    for _ in range(times):
        desk = replace(start, folder=tmp_path / "killed")
        shutil.copytree(start.folder, desk.folder)
        process = start_load(desk)
        time.sleep(rng.uniform(0, lasts))
        os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
        met += process.wait() == -signal.SIGKILL
        found = contents(desk)
        assert found in (before, after), "half of a day"
        states.append(found == after)
        balance(desk)
        desk.load("orders", *DAYS, now=NOW + timedelta(days=1))
        assert contents(desk) == after
        shutil.rmtree(desk.folder)
    print(f"seed {seed}: {times} kills, {met} in the middle of a load of {lasts:.1f} s, {sum(states)} after its commit")
    return met


def test_a_killed_load_loses_and_doubles_nothing(tmp_path, orders, monkeypatch):
    monkeypatch.setattr("tests.orchestration.sources.test_killed_load.ROWS", 1_500)
    killed_loads(tmp_path, orders, seed=2026, times=2)


@pytest.mark.slow
def test_thirty_killed_loads_lose_and_double_nothing(tmp_path, orders):
    assert killed_loads(tmp_path, orders, seed=2026, times=30) >= 15
