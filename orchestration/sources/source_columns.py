"""Which columns a source has, and what changed since it last delivered: named, though nothing may depend on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from orchestration.sources.casts import is_text
from orchestration.sources.deliveries import JSON_COLUMN, ROW, Chunk, Delivery
from orchestration.sources.expressions import json_functions

#: Records whose keys and types are looked at.
_SAMPLE = 200

Columns = Mapping[str, str]


def observed(chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Pass rows on and note, per delivery, which columns the source has and of which kind."""
    for chunk in chunks:
        if not chunk.delivery.columns and chunk.table.num_rows:
            chunk.delivery.columns = columns_of(chunk.table)
        yield chunk


def columns_of(table: pa.Table) -> dict[str, str]:
    """Source column (JSON: path) -> text, number, flag, time, nested or empty."""
    if JSON_COLUMN in table.column_names:
        return _json_columns(table.slice(0, _SAMPLE))
    return {field.name: kind_of(field.type) for field in table.schema if field.name != ROW}


def kind_of(arrow: pa.DataType) -> str:
    """What kind of values an Arrow column holds."""
    if pa.types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    return next((kind for kind, tests in _KINDS.items() if any(test(arrow) for test in tests)), "other")


_KINDS = {
    "text": (is_text,),
    "number": (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal),
    "flag": (pa.types.is_boolean,),
    "time": (pa.types.is_timestamp, pa.types.is_date),
    "nested": (pa.types.is_nested,),
    "empty": (pa.types.is_null,),
}


def changes(delivery: Delivery, before: Sequence[Columns]) -> list[str]:
    """What is new, gone, renamed, moved or of another kind, in words.

    Parameters
    ----------
    before : sequence of mapping
        Columns of earlier deliveries, the latest first.
    """
    now = delivery.columns
    if not before or not now:
        return []
    last, known = before[0], {name for columns in before for name in columns}
    # A JSON record leaves out what it has no value for; that its mapped keys are filled is looked at elsewhere.
    is_table = not delivery.feed.records_are_json
    new = [name for name in now if name not in known]
    gone = [name for name in last if name not in now] if is_table else []
    notes = []
    for old, name in _renamed(gone, new):
        notes.append(f"column {old!r} is {name!r} now")
        gone.remove(old)
        new.remove(name)
    if new:
        notes.append(f"new in the source, nothing uses it: {', '.join(map(repr, new))}")
    if gone:
        notes.append(f"no longer in the source, nothing used it: {', '.join(map(repr, gone))}")
    if is_table and [name for name in now if name in last] != [name for name in last if name in now]:
        notes.append("the columns stand in another order; they are read by their names")
    return [*notes, *(f"column {name!r} holds {kind} now, it held {last[name]}" for name, kind in retyped(now, last))]


def retyped(now: Columns, last: Columns) -> list[tuple[str, str]]:
    """Columns whose kind changed, with the kind they have now."""
    return [
        (name, kind)
        for name, kind in now.items()
        if name in last and kind != last[name] and "empty" not in (kind, last[name])
    ]


def _renamed(gone: Sequence[str], new: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that are probably the same column: another case, nearly the same name, or the only two in question."""
    if len(gone) == len(new) == 1:
        return [(gone[0], new[0])]
    pairs: list[tuple[str, str]] = []
    for name in new:
        left = {old.casefold(): old for old in gone if old not in [pair[0] for pair in pairs]}
        close = get_close_matches(name.casefold(), left, n=1, cutoff=0.75)
        pairs += [(left[close[0]], name)] if close else []
    return pairs


def _json_columns(records: pa.Table) -> dict[str, str]:
    memory = json_functions().cursor()
    memory.register("records", pa.table({"record": pc.drop_null(records[JSON_COLUMN])}))
    found = memory.execute(
        """
        select json_group_structure(record::json) from records
        where json_valid(record) and json_type(record) = 'OBJECT'
        """
    ).fetchall()[0][0]
    memory.unregister("records")
    return dict(_leaves("", json.loads(found))) if found else {}


def _leaves(path: str, structure: Any) -> Iterator[tuple[str, str]]:
    if isinstance(structure, dict):
        for name, inner in structure.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(structure, list):
        yield from _leaves(f"{path}[]", structure[0] if structure else "NULL")
    else:
        yield path, _JSON_KINDS.get(structure, "number" if structure in _JSON_NUMBERS else "other")


_JSON_NUMBERS = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")
_JSON_KINDS = {"VARCHAR": "text", "BOOLEAN": "flag", "NULL": "empty"}
