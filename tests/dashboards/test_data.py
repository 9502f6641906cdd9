"""The one door to the data: bound parameters only, and nothing beside the published file can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from dashboards import data
from tests.dashboards.app import published_tables
from tests.dashboards.serving_fixture import ROOT, build

QUERIES = sorted((ROOT / "dashboards" / "queries").glob("*.sql"))
PAGES = "overview|journey_map|cji|buyers|attribution|budget|catalog|weather|customers|health"
SAMPLES = {
    "start": "2026-01-01", "end": "2026-01-31", "previous_start": "2025-12-01", "previous_end": "2025-12-31",
    "year_start": "2025-01-01", "year_end": "2025-01-31", "day": "2026-01-31", "days": 28, "lag_days": 1,
    "phase_model": "journey6", "phase": "3", "segment": "all", "dimension": "device", "language": "de",
    "level": "channel", "window_name": "all", "category": "all", "region": "all", "variable": "precipitation_mm",
    "model": "markov", "channel": "display", "scenario": "same_total", "mailing": "C2026-02", "treated": "catalog",
    "control": "holdout", "highest_rank": 3,
}  # fmt: skip


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_a_query_runs_with_bound_parameters_only(path: Path, published: Path) -> None:
    sql = path.read_text(encoding="utf-8")
    assert re.fullmatch(rf"({PAGES})_[a-z_]+", path.stem)
    assert not re.search(r"[{}]|%s|\?", sql), "text pasted into SQL"
    assert not re.search(r"\b(insert|update|delete|drop|attach|copy|install|load|pragma|set)\b", sql, re.IGNORECASE)
    names = set(re.findall(r"\$([a-z_]+)", sql))
    with published_tables(published) as connection:
        connection.execute(sql, {name: SAMPLES[name] for name in names}).df()


def test_pages_run_sql_files_by_name_and_no_other_sql() -> None:
    used = set()
    for path in (ROOT / "dashboards").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'data\.(?:query|one|covered)\(\s*"([a-z_]+)"', text))
        assert not re.search(r"data\.(query|one|covered)\(\s*(f\"|[a-z])", text), (
            f"{path.name} builds the name of a query"
        )
        if path.name != "data.py":
            assert "duckdb" not in text
            assert ".execute(" not in text
    assert used == {path.stem for path in QUERIES}


def test_the_connection_is_a_sandbox(published: Path) -> None:
    connection = data.connect(str(published / "serving" / "run-1.duckdb"))
    secret = published / "secret.csv"
    secret.write_text("a\n1\n")
    for attack in (
        f"select * from read_csv('{secret}')",
        f"select * from '{secret}'",
        f"attach '{published}/other.duckdb' as other",
        f"copy (select 1) to '{published}/out.csv'",
        "set enable_external_access = true",
        "install httpfs",
        "create table marts.mine (a int)",
        "delete from marts.fct_cji",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(attack)
    assert not (published / "out.csv").exists()
    connection.close()


def test_a_reader_survives_the_removal_of_its_version(tmp_path: Path) -> None:
    file = build(tmp_path)
    connection = data.connect(str(file))
    file.unlink()
    assert connection.execute("select count(*) from marts.fct_cji").fetchall()[0][0] > 0
    connection.close()
