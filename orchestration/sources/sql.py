"""Databases, any that SQLAlchemy reaches, through dlt's sql_database, as Arrow tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources.config import Feed
from orchestration.sources.deliveries import ROW, Chunk, Delivery, UnreadableError, check_columns

_ROWS = 50_000
_DAY = "_day"


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """One delivery per day if the feed has a day column, else one snapshot."""
    wanted: Sequence[date | None] = [day for day in days if feed.covers(day)] if feed.is_daily else [None]
    name = feed.table or "query"
    return [Delivery.of_day(feed, day, name, day) for day in wanted]


def read_deliveries(deliveries: Sequence[Delivery], needed: Sequence[str] | None) -> Iterator[Chunk]:
    """Rows of the table or query: days that follow each other are one statement, its rows are told apart afterwards."""
    # SQLAlchemy and dlt's source take a second to import, which loads from files need not pay
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    if not deliveries:
        return
    feed = deliveries[0].feed
    try:
        engine = sqlalchemy.create_engine(feed.connection["url"])
    except (SQLAlchemyError, ImportError) as error:
        for delivery in deliveries:
            delivery.fail("missing", f"the database cannot be addressed: {_safe(error)}; check url:")
        return
    try:
        for stretch in _stretches(deliveries):
            try:
                yield from _read(engine, feed, stretch, needed)
            except (SQLAlchemyError, pa.ArrowException) as error:
                for delivery in stretch:
                    delivery.fail("truncated" if delivery.rows_in else "missing", f"{delivery.name}: {_safe(error)}")
            except UnreadableError as error:
                for delivery in stretch:
                    delivery.fail(error.state, f"{delivery.name}: {error}")
            for delivery in stretch:
                if delivery.state == "loaded" and delivery.rows_in == 0:
                    delivery.state = "empty"
    finally:
        engine.dispose()


def _read(engine: Any, feed: Feed, stretch: Sequence[Delivery], needed: Sequence[str] | None) -> Iterator[Chunk]:
    import sqlalchemy

    quote = engine.dialect.identifier_preparer.quote
    source = f"({feed.query}) q" if feed.query else ".".join(quote(part) for part in (feed.table or "").split("."))
    text = f"select * from {source}"
    parameters: dict[str, Any] = {}
    if feed.day_column:
        column = quote(feed.day_column)
        text += f" where {column} >= :first and {column} < :after order by {column}"
        parameters = {"first": stretch[0].day, "after": stretch[-1].day + timedelta(days=1)}
        if engine.dialect.name == "sqlite":  # has no dates, only texts that sort like them
            parameters = {key: str(value) for key, value in parameters.items()}
    # A text statement brings the driver's own values: SQLAlchemy's conversions would fail on the first odd one.
    statement = sqlalchemy.text(text).bindparams(**parameters)
    loader = _loader(engine, statement)
    by_day = {delivery.day: delivery for delivery in stretch}
    is_checked = False
    for table in loader.load_rows():
        if not is_checked:
            check_columns(table.column_names, [*(needed or ()), *([feed.day_column] if feed.day_column else [])])
            is_checked = True
        if not feed.day_column:
            yield _numbered(stretch[0], table)
            continue
        days = _days(table[feed.day_column])
        for day in sorted(value for value in pc.unique(days).to_pylist() if value in by_day):
            yield _numbered(by_day[day], table.filter(pc.equal(days, day)))


def _loader(engine: Any, statement: Any) -> Any:
    """dlt's loader, whose Arrow backend refuses a column of which one value has another type than the rest."""
    import sqlalchemy
    from dlt.sources.sql_database import TableLoader

    class Loader(TableLoader):
        def _convert_result(self, result: Any, backend_kwargs: dict[str, Any]) -> Iterator[pa.Table]:
            names = list(result.keys())
            for rows in result.partitions(self.chunk_size):
                columns = zip(*rows, strict=True)
                yield pa.table([_column(values) for values in columns], names=names)

    table = sqlalchemy.Table("rows", sqlalchemy.MetaData())
    return Loader(engine, "pyarrow", table, {}, chunk_size=_ROWS, query_adapter_callback=lambda *_: statement)


def _column(values: Sequence[Any]) -> pa.Array:
    """Values in their own type, as text if they have none in common; documents as JSON."""
    if any(isinstance(value, dict | list) for value in values):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in values], pa.string())
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def _numbered(delivery: Delivery, table: pa.Table) -> Chunk:
    numbers = range(delivery.rows_in + 1, delivery.rows_in + 1 + table.num_rows)
    delivery.rows_in += table.num_rows
    return Chunk(delivery, table.append_column(ROW, pa.array(numbers, pa.int64())))


def _days(values: pa.ChunkedArray) -> pa.Array:
    whole = values.combine_chunks()
    if pa.types.is_string(whole.type):
        return pc.cast(pc.utf8_slice_codeunits(whole, 0, 10), pa.date32())
    if pa.types.is_timestamp(whole.type) and whole.type.tz:
        whole = pc.cast(whole, pa.timestamp(whole.type.unit))
    return pc.cast(whole, pa.date32(), safe=False)


def _stretches(deliveries: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    """Runs of days without a gap."""
    stretch: list[Delivery] = []
    for delivery in deliveries:
        if stretch and delivery.day - stretch[-1].day != timedelta(days=1):
            yield stretch
            stretch = []
        stretch.append(delivery)
    if stretch:
        yield stretch


def _safe(error: Exception) -> str:
    """The driver's message without statement, parameters and address."""
    return str(getattr(error, "orig", None) or error).splitlines()[0]
