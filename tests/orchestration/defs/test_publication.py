"""A version is published whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration.defs.serving import publication
from orchestration.defs.serving.publication import CheckResult, DiskFullError, Version, current, mart_hashes, publish

NOW = datetime(2026, 3, 1, 5, 10, tzinfo=UTC)


def version(run_id: str) -> Version:
    return Version(run_id, NOW, date(2026, 2, 28), "Europe/Berlin", "EUR", "demo")


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(str(tmp_path / "warehouse.duckdb"))
    connection.execute(
        """
        create schema marts; create schema ml; create schema raw;
        create table raw.orders as select 'not published' as secret;
        create table marts.fct_orders as
            select i as order_id, i * 0.1::double as revenue, ['a', 'b'] as path, now() as last_loaded_at
            from range(2000) as t (i);
        create view ml.credits as select 1 as channel;
        """
    )
    yield connection
    connection.close()


def files(folder: Path) -> list[str]:
    """What lies there beside the facts (test_facts.py)."""
    return sorted(path.name for path in folder.iterdir() if "facts" not in path.name)


def test_a_version_holds_marts_and_estimates_and_says_what_it_is(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    checks = [CheckResult("grain", "marts/fct_orders", "failed", "warn", 3, "One row per order.", NOW)]
    published = publish(warehouse, tmp_path / "serving", version("one"), checks)
    pointer = current(tmp_path / "serving")
    assert pointer is not None
    assert pointer["file"] == "one.duckdb"
    assert pointer["data_version"] == published.data_version
    assert datetime.fromisoformat(pointer["published_at"]) == NOW
    with duckdb.connect(str(tmp_path / "serving" / pointer["file"]), read_only=True) as connection:
        schemas = connection.execute(
            "select distinct table_schema from information_schema.tables order by 1"
        ).fetchall()
        assert schemas == [("marts",), ("meta",), ("ml",)]
        assert connection.execute("select count(*), sum(revenue)::int from marts.fct_orders").fetchall() == [
            (2000, 199900)
        ]
        described = connection.execute(
            "select run_id, as_of_date, currency, source_kind from meta.published"
        ).fetchall()
        assert described == [("one", date(2026, 2, 28), "EUR", "demo")]
        shown = connection.execute('select check_name, status, severity, "rows" from meta.check_results').fetchall()
        assert shown == [("grain", "failed", "warn", 3)]


def test_the_last_three_versions_stay(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    for run_id in "abcde":
        publish(warehouse, serving, version(run_id))
    assert files(serving) == ["c.duckdb", "current.json", "d.duckdb", "e.duckdb"]
    assert (current(serving) or {})["file"] == "e.duckdb"


def test_a_reader_of_an_old_version_keeps_it(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("a"))
    reader = duckdb.connect(str(serving / "a.duckdb"), read_only=True)
    warehouse.execute("delete from marts.fct_orders where order_id > 9")
    for run_id in "bcd":
        publish(warehouse, serving, version(run_id))
    assert reader.execute("select count(*) from marts.fct_orders").fetchall() == [(2000,)]


@pytest.mark.parametrize("step", ["_sync", "_point_to", "table_hashes"])
def test_what_fails_on_the_way_leaves_the_old_version(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("old"))
    before = (serving / "current.json").read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(publication, step, fail)
        with pytest.raises(OSError, match="no space"):
            publish(warehouse, serving, version("new"))
    assert (serving / "current.json").read_bytes() == before
    assert not [name for name in files(serving) if "unpublished" in name]
    publish(warehouse, serving, version("new"))
    assert (current(serving) or {})["run_id"] == "new"


def test_a_half_written_file_of_a_killed_run_is_cleared_away(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    serving = tmp_path / "serving"
    serving.mkdir()
    for name in ("dead.unpublished.duckdb", "dead.unpublished.duckdb.wal"):
        (serving / name).write_bytes(b"half a file")
    publish(warehouse, serving, version("dead"))
    assert files(serving) == ["current.json", "dead.duckdb"]


def test_a_full_disk_is_noticed_before_anything_is_written(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = tmp_path / "serving"
    publish(warehouse, serving, version("old"))
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 5 * 2**20))
    with pytest.raises(DiskFullError, match="5 MB are free"):
        publish(warehouse, serving, version("new"))
    assert json.loads((serving / "current.json").read_text())["run_id"] == "old"
    assert files(serving) == ["current.json", "old.duckdb"]


def test_the_same_content_has_the_same_version(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = publish(warehouse, tmp_path / "serving", version("one"))
    warehouse.execute("create or replace table marts.fct_orders as from marts.fct_orders order by random()")
    warehouse.execute("update marts.fct_orders set last_loaded_at = last_loaded_at + interval 1 hour")
    shuffled = publish(warehouse, tmp_path / "serving", version("two"))
    assert shuffled.data_version == first.data_version
    warehouse.execute("update marts.fct_orders set revenue = revenue + 0.01 where order_id = 77")
    assert publish(warehouse, tmp_path / "serving", version("three")).data_version != first.data_version


@pytest.mark.parametrize(
    "change",
    [
        "delete from marts.t where i = 3",
        "insert into marts.t from marts.t where i = 3",
        "update marts.t set x = -x where i = 3",
        "update marts.t set path = ['a', 'c'] where i = 3",
        "update marts.t set word = null where i = 3",
        "alter table marts.t rename column word to term",
        "update marts.t set i = 4 where i = 3",
    ],
)
def test_any_change_changes_the_hash(tmp_path: Path, change: str) -> None:
    path = tmp_path / "some.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create schema marts; create table marts.t as "
            "select i, i * 0.1::double as x, ['a', 'b'] as path, 'word' as word from range(10) as r (i)"
        )
    before = mart_hashes(path)
    with duckdb.connect(str(path)) as connection:
        connection.execute(change)
    assert mart_hashes(path) != before


def test_the_last_bits_of_a_sum_do_not_matter(tmp_path: Path) -> None:
    """(0.1 + 0.2) + 0.3 is not 0.1 + (0.2 + 0.3), and threads add in any order."""
    hashes = []
    for name, value in (("left", (0.1 + 0.2) + 0.3), ("right", 0.1 + (0.2 + 0.3)), ("other", 0.600001)):
        with duckdb.connect(str(tmp_path / name)) as connection:
            connection.execute("create schema marts; create table marts.t (x double)")
            connection.execute("insert into marts.t values (?), (?)", [value, value - 0.6])
        hashes.append(mart_hashes(tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]
