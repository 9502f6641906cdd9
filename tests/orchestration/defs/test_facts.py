"""Facts are published by day: only what changed is written, and every version is whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.defs.serving import publication
from orchestration.defs.serving.facts import fact_files
from orchestration.defs.serving.publication import Version, publish


def version(run_id: str) -> Version:
    return Version(run_id, datetime(2026, 3, 1, 5, 10, tzinfo=UTC), date(2026, 2, 28), "Europe/Berlin", "EUR", "demo")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    connection.execute(
        """
        create schema marts; create schema ml;
        create table marts.visits as
            select i as session_id, date '2026-01-01' + (i % 40)::integer as session_date, i * 0.1::double as seconds
            from range(4000) as t (i);
        create view marts.fct_sessions as from marts.visits;
        create table marts.rpt_days as select 1 as n;
        """
    )
    yield connection
    connection.close()


def folders(serving: Path) -> set[str]:
    return {path.name for path in (serving / "facts" / "fct_sessions").iterdir()}


def read(serving: Path) -> list[tuple]:
    files = [str(file) for file in fact_files(serving, "fct_sessions")]
    return duckdb.sql(
        f"select count(*), sum(session_id), count(distinct session_date) from read_parquet({files})"
    ).fetchall()


def test_all_rows_are_there_and_no_column_more(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("one"))
    assert read(serving) == [(4000, 7998000, 40)]
    first = fact_files(serving, "fct_sessions")[0]
    assert duckdb.read_parquet(str(first)).columns == ["session_id", "session_date", "seconds"]
    with duckdb.connect(str(serving / "one.duckdb"), read_only=True) as connection:
        tables = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    assert tables == [("rpt_days",), ("visits",)]


def test_a_day_that_changed_is_written_and_no_other(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    one = publish(warehouse, serving, version("one"))
    before = {path: path.stat().st_mtime_ns for path in (serving / "facts").rglob("*.parquet")}
    same = publish(warehouse, serving, version("same"))
    assert same.data_version == one.data_version
    warehouse.execute("update marts.visits set seconds = 7 where session_id = 81")
    warehouse.execute("delete from marts.visits where session_date = '2026-01-03'")
    two = publish(warehouse, serving, version("two"))
    assert two.data_version != one.data_version
    after = {path: path.stat().st_mtime_ns for path in (serving / "facts").rglob("*.parquet")}
    assert {path: after[path] for path in before} == before, "what versions share is never touched"
    assert [path.parent.name.split(".")[0] for path in set(after) - set(before)] == ["2026-01-02"]
    assert read(serving) == [(3900, 7998000 - sum(range(2, 4000, 40)), 39)]


def test_days_of_versions_that_are_gone_go_with_them(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("one"))
    first = folders(serving)
    warehouse.execute("update marts.visits set seconds = 7")
    for run_id in ("two", "three"):
        publish(warehouse, serving, version(run_id), keep=2)
    assert not first & folders(serving)
    assert len(folders(serving)) == 40
    assert sorted(path.name for path in serving.glob("*.facts.json")) == ["three.facts.json", "two.facts.json"]


def test_what_fails_on_the_way_leaves_the_old_version_whole(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("one"))
    warehouse.execute("update marts.visits set seconds = 7")

    def no_space(path: Path) -> None:
        if path.suffix == ".parquet":
            raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(publication, "_sync", no_space)
        with pytest.raises(OSError, match="no space"):
            publish(warehouse, serving, version("two"))
    assert read(serving) == [(4000, 7998000, 40)]
    publish(warehouse, serving, version("three"), keep=1)
    assert read(serving) == [(4000, 7998000, 40)]
    assert len(folders(serving)) == 40
    assert not list((serving / "facts").glob("*.unpublished"))


def test_a_fact_that_is_not_there_is_named(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="run the pipeline first"):
        fact_files(tmp_path, "fct_sessions")
    publish(warehouse, tmp_path / "serving", version("one"))
    with pytest.raises(LookupError, match="there are fct_sessions"):
        fact_files(tmp_path / "serving", "fct_orders")
