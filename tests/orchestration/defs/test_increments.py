"""A build is incremental only while the books explain everything; a killed one loses nothing."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from orchestration.defs.warehouse import increments
from orchestration.sources.load import create_raw_tables

MODELS = ["stg_orders", "int_orders"]


class Books:
    """A warehouse in which two models are built by hand."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        create_raw_tables(self.connection)

    def load(self, day: str, rows: int, content: str = "a") -> None:
        self.connection.execute('delete from raw.load_batches where "window" = ?', [day])
        self.connection.execute("delete from raw.orders where _delivery_date = try_cast(? as date)", [day])
        self.connection.execute(
            "insert into raw.load_batches by name select ? as batch_id, 'shop' as source, 'orders' as entity, "
            "? as rows_loaded, ? as \"window\", 'loaded' as state, timestamptz '2026-01-01 05:00:00+00' as finished_at",
            [f"{day}:{content}", rows, day],
        )
        self.connection.execute(
            "insert into raw.orders by name select range::varchar as order_id, try_cast(? as date) as _delivery_date "
            "from range(?)",
            [day, rows],
        )

    def begin(self, build_id: str, *, fingerprint: str = "f", full: bool = False) -> increments.BuildMode:
        return increments.begin(self.connection, build_id, fingerprint=fingerprint, models=MODELS, full=full)

    def build(self, build_id: str, models: list[str], *, partial: bool = True) -> bool:
        for model in models:
            self.connection.execute(f"create table if not exists increments.{model} (order_id varchar)")
            self.connection.execute(f"insert into increments.{model} values ('changed')")
            self.connection.execute("insert into increments.builds values (?, ?, ?, now())", [model, build_id, partial])
        return increments.finish(self.connection, build_id, MODELS)

    def whole_build(self, build_id: str) -> increments.BuildMode:
        mode = self.begin(build_id)
        assert self.build(build_id, MODELS, partial=mode.is_partial)
        return mode

    def changed(self) -> list[str]:
        rows = self.connection.execute("select delivery_date::varchar from increments.deliveries order by 1").fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def books() -> Iterator[Books]:
    books = Books()
    books.load("2026-01-01", 3)
    assert not books.whole_build("first").is_partial
    yield books
    books.connection.close()


def test_only_what_has_other_content_has_changed(books: Books) -> None:
    books.load("2026-01-02", 2)
    books.load("2026-01-01", 3)  # the same again
    assert books.begin("second").is_partial
    assert books.changed() == ["2026-01-02"]
    assert books.build("second", MODELS)
    books.load("2026-01-01", 2, content="b")
    assert books.whole_build("third").is_partial
    assert books.changed() == []


def test_a_snapshot_and_a_day_that_is_gone_are_deliveries_too(books: Books) -> None:
    books.load("snapshot", 1)
    books.connection.execute("delete from raw.load_batches where \"window\" = '2026-01-01'")
    books.connection.execute("delete from raw.orders where _delivery_date = date '2026-01-01'")
    assert books.begin("second").is_partial
    assert books.changed() == ["1970-01-01", "2026-01-01"]


def test_a_killed_build_leaves_its_logs_to_the_next(books: Books) -> None:
    books.load("2026-01-02", 2)
    books.begin("killed")
    assert not books.build("killed", MODELS[:1])
    books.load("2026-01-03", 1)
    assert books.begin("next").is_partial
    assert books.changed() == ["2026-01-02", "2026-01-03"]
    assert books.connection.execute("select count(*) from increments.stg_orders").fetchall() == [(1,)]
    assert books.build("next", MODELS)
    assert books.connection.execute("select count(*) from increments.stg_orders").fetchall() == [(0,)]


def test_the_parts_of_a_run_build_the_same_way(books: Books) -> None:
    books.load("2026-01-02", 2)
    assert books.begin("second").is_partial
    assert not books.build("second", MODELS[:1])
    books.load("2026-01-03", 1)  # not seen by the first part: the next run's
    assert books.begin("second").is_partial
    assert books.build("second", MODELS[1:])
    assert books.begin("third").is_partial
    assert books.changed() == ["2026-01-03"]


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("delete from raw.orders where order_id = '1'", "other rows than its loads"),
        ("insert into increments.builds values ('stg_orders', '', false, now())", "outside of a run: stg_orders"),
        ("drop table increments.int_orders", "never built: int_orders"),
        ("delete from increments.marks", "no whole build"),
    ],
)
def test_in_doubt_it_rebuilds_and_says_why(books: Books, harm: str, said: str) -> None:
    books.connection.execute(harm)
    mode = books.begin("second")
    assert not mode.is_partial
    assert said in mode.reason
    # A rebuild that is killed leads to another one.
    assert not books.begin("third").is_partial


def test_a_changed_project_or_a_wish_rebuilds(books: Books) -> None:
    assert "variable changed" in books.begin("second", fingerprint="other").reason
    assert books.build("second", MODELS, partial=False)
    assert not books.begin("third", fingerprint="other", full=True).is_partial


def test_the_last_business_day_is_no_reason_to_rebuild() -> None:
    days = [increments.fingerprint_of("p", {"currency": "EUR", "as_of_date": day}) for day in ("2026-01-01", None)]
    assert days[0] == days[1]
    assert increments.fingerprint_of("p", {"currency": "CHF"}) != days[0]
