"""Databases, any that SQLAlchemy reaches, through dlt's sql_database, as Arrow tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources import watermarks
from orchestration.sources.config import Feed
from orchestration.sources.deliveries import Chunk, Delivery, UnreadableError, check_columns, numbered

_ROWS = 50_000


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """One delivery per day if the feed has a day column, one for all days if it has a cursor, else one snapshot."""
    name = feed.table or "query"
    if feed.cursor:
        return watermarks.find_deliveries(feed, days, name)
    return [Delivery.of_day(feed, day, name, day) for day in feed.windows(days)]


def read_deliveries(deliveries: Sequence[Delivery], needed: Sequence[str] | None, timezone: str) -> Iterator[Chunk]:
    """Rows of the table or query: days that follow each other are one statement, its rows are told apart afterwards.

    Parameters
    ----------
    needed : sequence of str or None
        Source columns the mapping asks for.
    timezone : str
        Where the days begin at midnight. Points in time without zone are those of the feed's zone.
    """
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
            delivery.fail("missing", f"the database cannot be addressed: {_safe(feed, error)}; check url:")
        return
    try:
        for stretch in _stretches(deliveries):
            try:
                yield from _read(engine, feed, stretch, needed, timezone)
            except (SQLAlchemyError, pa.ArrowException) as error:
                for delivery in stretch:
                    state = "truncated" if delivery.rows_in else "missing"
                    delivery.fail(state, f"{delivery.name}: {_safe(feed, error)}")
            except UnreadableError as error:
                for delivery in stretch:
                    delivery.fail(error.state, f"{delivery.name}: {error}")
            for delivery in stretch:
                if delivery.state == "loaded" and delivery.rows_in == 0:
                    delivery.state = "empty"
    finally:
        engine.dispose()


def _read(
    engine: Any, feed: Feed, stretch: Sequence[Delivery], needed: Sequence[str] | None, timezone: str
) -> Iterator[Chunk]:
    import sqlalchemy

    quote = engine.dialect.identifier_preparer.quote
    # A colon in a query is the database's, not the beginning of one of our parameters.
    query = re.sub(r"(?<![:\w\\]):(?=\w)", r"\:", (feed.query or "").strip().rstrip(";"))
    source = f"({query}) q" if query else ".".join(quote(part) for part in (feed.table or "").split("."))
    text = f"select * from {source}"
    parameters: dict[str, Any] = {}
    if feed.day_column:
        column = quote(feed.day_column)
        text += f" where {column} >= :first and {column} < :after order by {column}"
        days = (stretch[0].day, stretch[-1].day + timedelta(days=1))
        first, after = _limits(_example(engine, source, column), days, feed.timezone or timezone, timezone)
        parameters = {"first": first, "after": after}
    if feed.cursor_column:
        column = quote(feed.cursor_column)
        after = _after(stretch[0].after, _example(engine, source, column), feed.timezone or timezone)
        if after is not None:
            # A number is one row; of a moment, others may have been written since.
            text += f" where {column} {'>' if isinstance(after, int) else '>='} :after"
            parameters = {"after": after}
        text += f" order by {column}"
    # A text statement brings the driver's own values: SQLAlchemy's conversions would fail on the first odd one.
    statement = sqlalchemy.text(text).bindparams(**parameters)
    loader = _loader(engine, statement)
    by_day = {delivery.day: delivery for delivery in stretch}
    is_checked = False
    for table in loader.load_rows():
        if not is_checked:
            check_columns(table.column_names, [*(needed or ()), *filter(None, (feed.day_column, feed.cursor_column))])
            is_checked = True
        if not feed.day_column:
            yield numbered(stretch[0], table)
            continue
        of_row = _days(table[_spelt(table, feed.day_column)], feed.timezone or timezone, timezone)
        for day in pc.unique(of_row).to_pylist():
            if day not in by_day:
                raise UnreadableError("drifted", f"{feed.day_column} has values that are no points in time ({day})")
            yield numbered(by_day[day], table.filter(pc.equal(of_row, day)))


def _example(engine: Any, source: str, column: str) -> Any:
    """A value of the day column as the driver gives it; None if there is none."""
    import sqlalchemy

    statement: Any = (
        sqlalchemy.select(sqlalchemy.literal_column(column))
        .select_from(sqlalchemy.text(source))
        .where(sqlalchemy.text(f"{column} is not null"))
        .limit(1)
    )
    with engine.connect() as connection:
        row = connection.execute(statement).first()
    return row[0] if row else None


def _limits(example: Any, days: tuple[date, date], zone: str, business_zone: str) -> list[Any]:
    """Where the days begin and end, in the form that the day column has."""
    moments = [datetime.combine(day, time(), ZoneInfo(business_zone)) for day in days]
    if isinstance(example, datetime):
        if example.tzinfo is not None:
            return moments
        return [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
    if isinstance(example, str):
        # Texts sort like times if all are written alike; midnight is left out, so that plain dates are met too.
        walls = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for moment in moments]
        sep = example[10:11] or " "
        return [wall.date().isoformat() if wall.time() == time() else wall.isoformat(sep) for wall in walls]
    if example is None or isinstance(example, date):
        return list(days)
    raise UnreadableError("drifted", f"day_column holds {type(example).__name__}; make it a date or time in a query:")


def _after(watermark: Any, example: Any, zone: str) -> Any:
    """What `raw` knows of the cursor, in the form that the column has."""
    if watermark is None or example is None:
        return None
    if isinstance(watermark, datetime) and isinstance(example, datetime) and example.tzinfo is None:
        return watermark.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if isinstance(example, int | Decimal):
        return int(watermark)
    if isinstance(watermark, datetime) and isinstance(example, str):
        return watermark.astimezone(ZoneInfo(zone)).replace(tzinfo=None).isoformat(example[10:11] or " ")
    return watermark


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
    """Values in their own type, as text if there is none that DuckDB knows for all of them; documents as JSON."""
    if any(isinstance(value, dict | list) for value in values):
        return pa.array([None if value is None else json.dumps(value, default=str) for value in values], pa.string())
    try:
        found = pa.array(values)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        found = None
    if found is None or pa.types.is_decimal256(found.type):
        texts = (None if value is None else str(value).encode(errors="replace").decode() for value in values)
        return pa.array(texts, pa.string())
    return found


def _spelt(table: pa.Table, column: str) -> str:
    """The column as the database spells it; case does not matter to it."""
    return next(name for name in table.column_names if name.casefold() == column.casefold())


def _days(values: pa.ChunkedArray, zone: str, business_zone: str) -> pa.Array:
    """The business day of each point in time."""
    whole = values.combine_chunks()
    if pa.types.is_date(whole.type):
        return pc.cast(whole, pa.date32())
    if pa.types.is_string(whole.type):
        if zone == business_zone:
            return pc.cast(pc.utf8_slice_codeunits(whole, 0, 10), pa.date32())
        whole = pc.cast(whole, pa.timestamp("us"))
    if whole.type.tz is None and zone != business_zone:
        whole = pc.assume_timezone(whole, zone, ambiguous="earliest", nonexistent="latest")
    if whole.type.tz is not None:
        whole = pc.local_timestamp(pc.cast(whole, pa.timestamp(whole.type.unit, business_zone)))
    return pc.cast(pc.floor_temporal(whole, unit="day"), pa.date32())


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


def _safe(feed: Feed, error: Exception) -> str:
    """The driver's message without statement, parameters, address and secrets."""
    return feed.masked(str(getattr(error, "orig", None) or error).splitlines()[0])
