"""The payloads of rejected rows, mapped as if their source delivered them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from orchestration.sources.casts import identifier, quoted
from orchestration.sources.config import Column, Feed
from orchestration.sources.contract import TEXT
from orchestration.sources.errors import SourceError
from orchestration.sources.expressions import SourcePath
from orchestration.sources.mapping import PERSONAL, Mapper
from orchestration.sources.pseudonyms import Pseudonymiser


class PayloadError(SourceError):
    """Payloads cannot stand in for the delivery."""


class PayloadMapper(Mapper):
    """Maps payloads of one feed, JSON whatever the feed's format; persons are pseudonyms already.

    Raises
    ------
    PayloadError
        A column that is not personal is made from a personal source column, which no payload holds.
    """

    def __init__(self, feed: Feed, timezone: str, now: datetime, payloads: pa.Array) -> None:
        original = Mapper(feed, _AsTheyAre(), timezone, now)
        guarded, personal = original._guarded, original.entity.personal
        columns, paths = {}, set(original._paths_of(feed.where) if feed.where else ())
        for name, column in feed.columns.items():
            if name in personal:
                columns[name] = Column(sql=f"{PERSONAL}.{identifier(name)}")
                continue
            paths |= original._column_paths(name)
            parts = original._parts(column.source) if column.source is not None else ()
            columns[name] = Column(sql=".".join(map(identifier, parts))) if parts else column
        hidden = sorted({path[0] for path in paths if path[0].casefold() in guarded})
        if hidden:
            raise PayloadError(
                f"{hidden[0]} is personal, yet more than a pseudonym is made from it, and only the delivery has it"
            )
        let = {
            name: expression
            for name, expression in feed.let.items()
            if not any(path[0].casefold() in guarded for path in original._let[name])
        }
        self.paths: set[SourcePath] = paths
        structure = dict(feed.structure)
        if feed.kind == "sql" or feed.format == "parquet":
            structure |= self._types(original, payloads)
        super().__init__(
            replace(feed, columns=columns, let=let, structure=structure, pii=()), _AsTheyAre(), timezone, now
        )
        self._is_json = True

    def lacking(self, payloads: pa.Array) -> pa.ChunkedArray:
        """Whether a payload has no word of a source column that the mapping asks for: it was mapped later."""
        conditions = [" or ".join(_known(path)) for path in sorted(self.paths)]
        holds = " and ".join(f"({one})" for one in conditions) or "true"
        query = f"select ({holds}) is not true as lacks from payloads"
        return self._run(query, payloads=pa.table({"payload": payloads}))["lacks"]

    @staticmethod
    def _types(mapper: Mapper, payloads: pa.Array) -> dict[str, Any]:
        """Numbers stay numbers, so that an expression means what it means on the source's own types."""
        import json

        query = "select json_group_structure(payload)::varchar as structure from payloads"
        found = mapper._run(query, payloads=pa.table({"payload": payloads}))["structure"][0].as_py() or "{}"
        typed: dict[str, Any] = json.loads(found.replace('"NULL"', '"VARCHAR"'))
        return {name: kind for name, kind in typed.items() if name != PERSONAL}


class _AsTheyAre(Pseudonymiser):
    """Leaves pseudonyms as they are."""

    def __init__(self) -> None:
        super().__init__(b"")

    def column(self, values: pa.ChunkedArray | pa.Array) -> pa.Array:
        return values.combine_chunks().cast(TEXT) if isinstance(values, pa.ChunkedArray) else values.cast(TEXT)


def _known(path: SourcePath) -> Iterable[str]:
    """The payload has the path, or says that what is around it has no value."""
    steps = ["$" + "".join(f'."{part}"' for part in path[: length + 1]) for length in range(len(path))]
    yield f"json_exists(payload, {quoted(steps[-1])})"
    for step in steps[:-1]:
        yield f"json_type(payload, {quoted(step)}) in ('NULL', 'ARRAY')"
