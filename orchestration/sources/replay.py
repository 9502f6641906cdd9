"""Rejected rows once more, after the mapping, the settings or the delivery was mended.

Where the delivery can still be read (a file that is there), it is read again as a whole: that also recovers records
that could not be split, and rows whose payload is masked. Where it cannot (an API's day, a file that was cleared away),
the payload in quarantine is mapped again: it holds every source column that is mapped, and persons as the pseudonyms
they had. Either way the day is swapped as by any load, with the same checks and counts, so nothing is doubled and a
replay can be repeated or killed. What can be had neither way is reported with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources import files
from orchestration.sources.casts import identifier
from orchestration.sources.config import Feed, SourcesConfig
from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import COMPLETE_STATES, JSON_COLUMN, ROW, SNAPSHOT, SNAPSHOT_DATE, Delivery
from orchestration.sources.errors import SourceError
from orchestration.sources.load import Load, open_raw
from orchestration.sources.payloads import PayloadMapper
from orchestration.sources.pseudonyms import Keys, Pseudonymiser
from orchestration.sources.verdicts import DAY, DELIVERY

_SHOWN_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of the rows of one feed that waited in quarantine.

    Attributes
    ----------
    waiting : int
        Rows that waited before.
    replayed : int
        Of them, those that wait no longer: loaded, or found to be duplicates or none of the feed's rows.
    rejected : int
        Rows that were tried and wait still, maybe for another reason; of a delivery that was sent anew maybe others.
    out_of_reach : int
        Rows that could not be tried; `problems` says why and what would help.
    windows : tuple of str
        Days (or `snapshot`) whose rows in `raw` changed.
    """

    source: str
    entity: str
    waiting: int
    replayed: int
    rejected: int
    out_of_reach: int
    windows: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def replay(
    config: SourcesConfig,
    *,
    warehouse: Path,
    key: Keys,
    timezone: str,
    now: datetime,
    source: str | None = None,
    reason: str | None = None,
) -> list[ReplayReport]:
    """Try the deliveries that have rows in quarantine once more.

    Parameters
    ----------
    config : SourcesConfig
        The feeds, mended.
    warehouse, key, timezone, now
        As for `load_entity`.
    source : str, optional
        Only this feed.
    reason : str, optional
        Only deliveries with a row of this reason code; all rows of such a delivery are tried.

    Returns
    -------
    list of ReplayReport
        One per feed with rows in quarantine.
    """
    feeds = {(feed.name, feed.entity): feed for feed in config.feeds}
    reports = []
    with open_raw(warehouse, key) as connection:
        for name, entity, windows in _waiting(connection, source, reason):
            feed = feeds.get((name, entity))
            if feed is None:
                waiting = _rows_waiting(connection, name, entity, windows)
                problem = f"no feed {name} brings {entity} any more; put it back into the sources file"
                reports.append(ReplayReport(name, entity, waiting, 0, 0, waiting, problems=(problem,)))
            else:
                load = Load(connection, entity, Pseudonymiser(key), timezone, now, again=True)
                reports.append(_replay_feed(load, feed, windows, timezone, now))
    return reports


def _replay_feed(load: Load, feed: Feed, windows: list[str], timezone: str, now: datetime) -> ReplayReport:
    connection = load.connection
    waiting = _rows_waiting(connection, feed.name, feed.entity, windows)
    found = _still_there(connection, feed, windows)
    load.read(feed, found)
    spoilt = {delivery.window: delivery.problem for delivery in found if delivery.problem}
    problems = [f"{window}: {problem}" for window, problem in spoilt.items()]
    out_of_reach = _rows_waiting(connection, feed.name, feed.entity, list(spoilt))
    gone = sorted(set(windows) - {delivery.window for delivery in found})
    if gone:
        unreachable, told = _land_payloads(load, feed, gone, timezone, now)
        out_of_reach += unreachable
        problems += told
    reports = load.finish()
    replayed = connection.execute(
        "select count(*) from raw.quarantine where source = ? and entity = ? and replayed_at = ?",
        [feed.name, feed.entity, load.landed.finished_at],
    ).fetchall()[0][0]
    rejected = _rows_waiting(connection, feed.name, feed.entity, windows) - out_of_reach
    changed = {report.window for report in reports if not report.is_unchanged and not report.problem}
    if len(problems) > _SHOWN_PROBLEMS:
        problems[_SHOWN_PROBLEMS:] = [f"and {len(problems) - _SHOWN_PROBLEMS} more"]
    return ReplayReport(
        feed.name, feed.entity, waiting, replayed, rejected, out_of_reach, tuple(sorted(changed)), tuple(problems)
    )


def _waiting(
    connection: duckdb.DuckDBPyConnection, source: str | None, reason: str | None
) -> list[tuple[str, str, list[str]]]:
    rows: list[tuple[str, str, list[str]]] = connection.execute(
        """
        select b.source, b.entity, list(distinct b."window" order by b."window")
        from raw.quarantine as q join raw.load_batches as b using (batch_id)
        where q.replayed_at is null and ($source is null or b.source = $source)
            and ($reason is null or q.reason_code = $reason)
        group by all order by all
        """,
        {"source": source, "reason": reason},
    ).fetchall()
    return rows


def _rows_waiting(connection: duckdb.DuckDBPyConnection, source: str, entity: str, windows: list[str]) -> int:
    rows: int = connection.execute(
        """
        select count(*) from raw.quarantine as q join raw.load_batches as b using (batch_id)
        where q.replayed_at is null and b.source = ? and b.entity = ? and list_contains(?::varchar[], b."window")
        """,
        [source, entity, windows],
    ).fetchall()[0][0]
    return rows


def _still_there(connection: duckdb.DuckDBPyConnection, feed: Feed, windows: list[str]) -> list[Delivery]:
    """Deliveries that can be read again as they were: files, all of their day.

    An API may answer another thing today, or nothing: what it brought is not given up for that.
    """
    if feed.kind != "files":
        return []
    days = [date.fromisoformat(window) for window in windows if window != SNAPSHOT]
    found = files.find_deliveries(feed, days)
    there: dict[str, set[str]] = {}
    for delivery in found:
        there.setdefault(delivery.window, set()).update([delivery.name] if delivery.state != "missing" else [])
    stored = connection.execute(
        """
        select "window", list(file_name) from raw.load_batches
        where source = ? and entity = ? and list_contains(?, state) group by all
        """,
        [feed.name, feed.entity, list(COMPLETE_STATES)],
    ).fetchall()
    usable = {window for window, names in stored if window in windows and set(names) <= there.get(window, set())}
    return [delivery for delivery in found if delivery.window in usable]


def _land_payloads(load: Load, feed: Feed, windows: list[str], timezone: str, now: datetime) -> tuple[int, list[str]]:
    """Land the days as they are in `raw`, and their rejected rows mapped once more.

    Returns
    -------
    tuple of int and list of str
        Rows that no payload can bring back, and why.
    """
    connection, landed = load.connection, load.landed
    deliveries, batch_ids = _stored_deliveries(load, feed, windows)
    numbers = pa.table({"batch_id": batch_ids, DELIVERY: pa.array(range(len(batch_ids)), pa.int32())})
    numbers = numbers.set_column(1, DELIVERY, pc.cast(pc.add(numbers[DELIVERY], len(landed.deliveries)), pa.int32()))
    connection.register("_numbers", numbers)
    waiting = connection.execute(
        f"""
        select
            {DELIVERY}, try_cast(b."window" as date) as {DAY}, q.row_number as _row_number,
            q.reason_code as _reason_code, q.reason as _reason, q.payload as _payload,
            coalesce(q.is_whole, false) as _is_whole
        from raw.quarantine as q join raw.load_batches as b using (batch_id) join _numbers using (batch_id)
        where q.replayed_at is null
        order by {DELIVERY}, q.row_number
        """
    ).to_arrow_table()
    source = "the file" if feed.kind == "files" else "the answer of the source"
    remedy = f"{source} is needed: have it delivered again and run the day (make run DAY=...)"
    try:
        left, whole = waiting.filter(pc.invert(waiting["_is_whole"])), waiting.filter(waiting["_is_whole"])
        mapper = PayloadMapper(feed, timezone, now, whole["_payload"])
        is_lacking = mapper.lacking(whole["_payload"])
        left = pa.concat_tables([left, whole.filter(is_lacking)])
        again = whole.filter(pc.invert(is_lacking)).select([DELIVERY, DAY, "_row_number", "_payload"])
        mapped = mapper.map(again.rename_columns([DELIVERY, DAY, ROW, JSON_COLUMN])) if again.num_rows else None
    except SourceError as error:
        return waiting.num_rows, [f"{', '.join(windows[:3])}{', ...' if len(windows) > 3 else ''}: {error}; {remedy}"]
    landed.deliveries += deliveries
    if mapped is not None:
        landed.filtered.update(mapped.filtered.to_pylist())
        landed.ambiguous.update(mapped.ambiguous.to_pylist())
        load.add(mapped.table)
    load.add(left.drop_columns([DAY]))
    columns = ", ".join(map(identifier, ENTITIES[feed.entity].schema.names))
    days = sorted({delivery.day for delivery in deliveries})
    load.add(
        connection.execute(
            f"""
            select {columns}, {DELIVERY}, _row_number
            from raw.{feed.entity} join _numbers on _batch_id = batch_id
            where _source = ? and _delivery_date between ? and ?
            """,
            [feed.name, days[0], days[-1]],
        ).to_arrow_table()
    )
    connection.unregister("_numbers")
    if left.num_rows:
        return left.num_rows, [f"{left.num_rows} rows are masked in quarantine or lack a newly mapped column; {remedy}"]
    return 0, []


def _stored_deliveries(load: Load, feed: Feed, windows: list[str]) -> tuple[list[Delivery], list[str]]:
    """The complete deliveries of the days as `raw.load_batches` has them, with what is known and lands no more."""
    rows = load.connection.execute(
        """
        select batch_id, "window", file_name, state, rows_in, file_sha256, mapping, rows_duplicate,
            coalesce(rows_filtered, 0), coalesce(rows_ambiguous, 0)
        from raw.load_batches
        where source = ? and entity = ? and list_contains(?, "window") and list_contains(?, state)
        order by "window", file_name
        """,
        [feed.name, feed.entity, windows, list(COMPLETE_STATES)],
    ).fetchall()
    deliveries = []
    for number, row in enumerate(rows, len(load.landed.deliveries)):
        _, window, name, state, rows_in, sha256, mapping, duplicate, filtered, ambiguous = row
        day = SNAPSHOT_DATE if window == SNAPSHOT else date.fromisoformat(window)
        delivery = Delivery(feed, window, day, name, None, state, None, rows_in + filtered, sha256, mapping)
        deliveries.append(delivery)
        load.landed.repeated[number] = duplicate
        load.landed.filtered[number] = filtered
        load.landed.ambiguous[number] = ambiguous
    return deliveries, [row[0] for row in rows]
