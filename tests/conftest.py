"""What all tests share: a data folder of their own, and one whole daily run that costs its time once."""

from __future__ import annotations

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from hypothesis import settings

from orchestration.settings import PROJECT_DIR, Settings

# Before anything of ours is imported: the definitions read the settings at import, and no test touches data/.
_DATA_DIR = Path(tempfile.mkdtemp(prefix="netzplan-tests-"))
atexit.register(shutil.rmtree, _DATA_DIR, ignore_errors=True)
os.environ["NETZPLAN_DATA_DIR"] = str(_DATA_DIR)
os.environ["NETZPLAN_SOURCES"] = "demo"
os.environ["NETZPLAN_DEMO_SIZE"] = "tests"
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in every run: orchestration/environment.py

# The same examples on every machine, however slow; `pytest --hypothesis-profile=searching` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("searching", deadline=None)
settings.load_profile("steady")


def _name_feeds() -> None:
    """The shop's feeds without the shop: enough for the definitions."""
    from orchestration.sources.demo.feeds import sources

    folder = Settings.from_environment().demo_dir
    folder.mkdir(parents=True)
    start = date(2026, 1, 1)
    (folder / "sources.yaml").write_text(sources(start, start, False), encoding="utf-8")


_name_feeds()


@dataclass(frozen=True)
class DailyRun:
    """A finished `make demo` of the small shop.

    Attributes
    ----------
    settings : Settings
        Its warehouse and published version are there to be read, not written.
    first_day, last_day : date
        Business days of the shop.
    output : str
        What the command printed.
    """

    settings: Settings
    first_day: date
    last_day: date
    output: str


def demo_environment(data_dir: Path, size: str = "tests") -> dict[str, str]:
    """The environment of a command that works on its own data folder."""
    return {
        **os.environ,
        "NETZPLAN_DATA_DIR": str(data_dir),
        "NETZPLAN_SOURCES": "demo",
        "NETZPLAN_DEMO_SIZE": size,
        "PYTHONPATH": str(PROJECT_DIR),
    }


def orchestrate(data_dir: Path, *arguments: str, size: str = "tests") -> subprocess.CompletedProcess[str]:
    """Run `python -m orchestration ...` on a data folder, as the Makefile does."""
    return subprocess.run(
        [sys.executable, "-m", "orchestration", *arguments],
        env=demo_environment(data_dir, size),
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def daily_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> DailyRun:
    """The whole pipeline over the small shop: once per session, also when several workers share the tests."""
    shared = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    folder = shared / "daily run"  # the space is meant
    folder.mkdir(exist_ok=True)
    done = folder / "output.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            finished = orchestrate(folder / "data", "demo")
            assert finished.returncode == 0, finished.stdout + finished.stderr
            done.write_text(finished.stdout + finished.stderr)
    settings = Settings(data_dir=folder / "data", sources=None, demo_size="tests")
    output = done.read_text()
    found = re.search(r"the shop from (\S+) to (\S+) is written", output)
    assert found, output
    return DailyRun(settings, date.fromisoformat(found[1]), date.fromisoformat(found[2]), output)
