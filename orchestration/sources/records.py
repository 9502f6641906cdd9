"""Where the records are in a JSON document, and what each of them is given to take along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestration.sources.deliveries import UnreadableError

#: What a record made from an inner list calls the record around it.
PARENT = "_parent"
#: Where a record has what `carry` names of the document around the list.
ANSWER = "_answer"
#: What a record calls the element of `for_each` that it was asked with.
EACH = "_each"

_NOTHING: tuple[Any, ...] = (None, "", False, 0, [], {})


def values_at(document: Any, path: str) -> list[Any]:
    """Every value at a path such as `a.b` or `orders[].lines`; `[]` stands for each element of a list."""
    found = [document]
    for step in _steps(path):
        if step == "[]":
            found = [item for value in found if isinstance(value, list) for item in value]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return found


def outer_records(document: Any, records: str | None, shape: str = "rows") -> list[Any]:
    """The list that pages and totals count: at `records`, up to its first `[]`.

    Parameters
    ----------
    document : object
        Decoded JSON.
    records : str or None
        Path of the list; None if the document is the list itself.
    shape : {"rows", "columns"}
        `columns`: not a list of objects but an object of equally long lists.

    Raises
    ------
    UnreadableError
        There is no such list (`drifted`), or its columns are not of one length (`truncated`).
    """
    path = (records or "").partition("[]")[0].strip(".")
    found = document
    for step in _steps(path):
        found = found.get(step) if isinstance(found, dict) else None
    if shape == "columns" and "[]" not in (records or ""):
        return _rows(found, path)
    if not isinstance(found, list):
        place = f"at {path}" if path else "at the top of the answer"
        raise UnreadableError("drifted", f"there is no list of records {place}; check records:")
    return found


def inner_records(outer: Sequence[Any], records: str | None, shape: str = "rows") -> list[Any]:
    """The records themselves: the outer ones, or those of the lists inside them, each with its `_parent`.

    A `?` behind an inner list (`[].results?`) says that no record need have it: some systems leave it out when it is
    empty, on a day without anything from all of them.

    Raises
    ------
    UnreadableError
        None of the outer records has the inner list, or something else is in its place.
    """
    levels = [level.strip(".") for level in (records or "").split("[]")[1:]]
    found = list(outer)
    for depth, level in enumerate(levels):
        if not level:
            continue
        is_columns = shape == "columns" and depth == len(levels) - 1
        name = level.removesuffix("?")
        parents = found if level != name else _with_list(found, name)
        found = [child for parent in parents for child in _children(parent, name, is_columns)]
    return found


def split_records(document: Any, records: str | None, shape: str = "rows") -> list[Any]:
    """Records of a whole document, see `outer_records` and `inner_records`."""
    return inner_records(outer_records(document, records, shape), records, shape)


def with_answer(records: list[Any], document: Any, carry: Sequence[str]) -> list[Any]:
    """The records, each with the named fields of the document it came in as `_answer`."""
    if not carry or not isinstance(document, dict):
        return records
    around = {name: document.get(name) for name in carry}
    return [{**record, ANSWER: around} if isinstance(record, dict) else record for record in records]


def faults(document: Any, errors: Any) -> list[Any]:
    """What a document says went wrong although it arrived.

    Parameters
    ----------
    errors : str, mapping or list of them
        A path at which nothing may stand (false, zero and empty count as nothing), or path -> the value that means
        failure.
    """
    found: list[Any] = []
    for rule in errors if isinstance(errors, list) else [errors] if errors else []:
        if isinstance(rule, Mapping):
            for path, bad in rule.items():
                found += [document for value in values_at(document, path) if str(value) == str(bad)]
        else:
            found += [value for value in values_at(document, rule) if value not in _NOTHING]
    return found


def _steps(path: str) -> list[str]:
    return [step for step in path.replace("[]", ".[].").split(".") if step]


def _with_list(parents: Sequence[Any], path: str) -> Sequence[Any]:
    # Some systems leave an empty list out; all of them without it is another document than the feed describes.
    if parents and not any(values_at(parent, path) for parent in parents):
        raise UnreadableError("drifted", f"no record has a list at {path}; check records:")
    return parents


def _children(parent: Any, path: str, is_columns: bool) -> Iterator[Any]:
    for value in values_at(parent, path):
        if value is None:
            continue
        if is_columns:
            value = _rows(value, path)
        elif not isinstance(value, list):
            raise UnreadableError("drifted", f"what stands at {path} of a record is not a list; check records:")
        # Without the list itself: every child would carry its siblings.
        rest = {key: item for key, item in parent.items() if key != _steps(path)[0]}
        for child in value:
            yield {**child, PARENT: rest} if isinstance(child, dict) else child


def _rows(columns: Any, path: str) -> list[dict[str, Any]]:
    place = f"at {path}" if path else "at the top of the answer"
    given = columns if isinstance(columns, dict) else {}
    lists = {name: value for name, value in given.items() if isinstance(value, list)}
    if not lists:
        raise UnreadableError("drifted", f"there is no object of lists {place}; check records:")
    lengths = {len(value) for value in lists.values()}
    if len(lengths) > 1:
        raise UnreadableError("truncated", f"the lists {place} are not equally long: {sorted(lengths)}")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
