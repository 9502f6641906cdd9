"""Is this delivery what `raw` holds already? Then its rows, and the moment they last changed, stay as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.sources.config import Feed
from orchestration.sources.deliveries import COMPLETE_STATES, Chunk, Delivery
from orchestration.sources.replace import landing_table

#: Settings that say where a feed is and when it is read, not what becomes of its rows.
_NOT_MAPPING = (
    "directory",
    "where_from",
    "allowed",
    "path",
    "connection",
    "required",
    "first",
    "last",
    "lookback_days",
)


def mapping_fingerprint(feed: Feed, timezone: str) -> str:
    """Fingerprint of everything that decides what a row becomes: the feed's settings, the zone, the code.

    The code of this package is hashed as a whole. A version number would have to be raised by hand, and a forgotten one
    leaves old rows in place; one needless load after an update costs little.
    """
    settings = {name: value for name, value in asdict(feed).items() if name not in _NOT_MAPPING}
    return hashlib.sha256(f"{settings!r} {timezone} {_code()}".encode()).hexdigest()[:16]


@cache
def _code() -> str:
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.sql")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Known:
    """The complete deliveries of one entity that `raw` holds, and which of their rows were rejected."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, entity: str) -> None:
        self._windows: dict[tuple[str, str], dict[tuple[Any, ...], tuple[int, int]]] = {}
        # A row that lay in the future may no longer: such a day is worth another look.
        self._restless: set[tuple[str, str]] = set()
        rows = connection.execute(
            """
            with rejected as (
                select batch_id, count(*) as rows, bit_xor(hash(row_number, reason_code)) as mark,
                    bool_or(reason_code = 'in_future') as is_restless
                from raw.quarantine where entity = $entity and replayed_at is null group by batch_id
            )
            select b.source, b."window", b.file_name, b.file_sha256, b.mapping, coalesce(r.rows, 0),
                coalesce(r.mark, 0), coalesce(r.is_restless, false)
            from raw.load_batches as b left join rejected as r using (batch_id)
            where b.entity = $entity and list_contains($complete, b.state)
            """,
            {"entity": entity, "complete": list(COMPLETE_STATES)},
        ).fetchall()
        for source, window, name, sha256, mapping, *rejected, is_restless in rows:
            self._windows.setdefault((source, window), {})[(name, sha256, mapping)] = tuple(rejected)
            if is_restless:
                self._restless.add((source, window))

    def has(self, delivery: Delivery) -> bool:
        """Whether the day or snapshot was loaded before."""
        return _window(delivery) in self._windows

    def skip_unread(self, deliveries: Sequence[Delivery], sha256: Callable[[Delivery], str | None]) -> None:
        """Mark days whose every file is there with the same bytes; only files that may be the same are hashed."""
        for window, day in _days(deliveries):
            known = self._windows.get(window, {})
            is_likely = {(name, mapping) for name, _, mapping in known} == {(d.name, d.mapping) for d in day}
            if not is_likely or window in self._restless or not _are_complete(day):
                continue
            for delivery in day:
                delivery.sha256 = sha256(delivery)
            is_same = {(d.name, d.sha256, d.mapping) for d in day} == known.keys()
            for delivery in day:
                delivery.is_unchanged = is_same

    def keep_same(self, deliveries: Sequence[Delivery], rejected: dict[int, tuple[int, int]]) -> None:
        """Mark days that were read and brought nothing new.

        Parameters
        ----------
        rejected : dict
            Place of a delivery in the list -> number and fingerprint of its rejected rows, where it has some.
        """
        for delivery in deliveries:
            if delivery.sha256 is None and delivery.state in COMPLETE_STATES:
                delivery.sha256 = hashlib.sha256().hexdigest()  # a query without rows
        places = {id(delivery): place for place, delivery in enumerate(deliveries)}
        for window, day in _days(deliveries):
            found = {(d.name, d.sha256, d.mapping): rejected.get(places[id(d)], (0, 0)) for d in day}
            if _are_complete(day) and found == self._windows.get(window):
                for delivery in day:
                    delivery.is_unchanged = True


def rejected_rows(connection: duckdb.DuckDBPyConnection, entity: str) -> dict[int, tuple[int, int]]:
    """Per delivery, number and fingerprint of the rejected rows that landed; as `Known` has them of before."""
    query = f"""
        select _delivery, count(*), bit_xor(hash(_row_number, _reason_code))
        from {landing_table(entity)} where _reason_code is not null group by all
    """
    return {number: (rows, mark) for number, rows, mark in connection.execute(query).fetchall()}


def content_hash(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Pass rows on; a delivery whose connector gives no hash (a query) gets that of its rows, in their order."""
    digests: dict[int, tuple[Delivery, Any]] = {}
    for chunk in chunks:
        if chunk.delivery.feed.kind == "sql":
            _, digest = digests.setdefault(id(chunk.delivery), (chunk.delivery, hashlib.sha256()))
            with pa.ipc.new_stream(_Sink(digest), chunk.table.schema) as stream:
                stream.write_table(chunk.table)
        yield chunk
    for delivery, digest in digests.values():
        delivery.sha256 = delivery.sha256 or digest.hexdigest()


class _Sink:
    """A file that only hashes."""

    closed = False

    def __init__(self, digest: Any) -> None:
        self._digest = digest

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return len(data)

    def flush(self) -> None: ...


def _window(delivery: Delivery) -> tuple[str, str]:
    return delivery.feed.name, delivery.window


def _days(deliveries: Sequence[Delivery]) -> Iterator[tuple[tuple[str, str], list[Delivery]]]:
    for window, day in groupby(sorted(deliveries, key=_window), _window):
        yield window, list(day)


def _are_complete(day: Sequence[Delivery]) -> bool:
    return all(delivery.state in COMPLETE_STATES for delivery in day)
