"""Mapping expressions: a DuckDB without doors to run them in, and which source columns they read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from orchestration.sources.deliveries import ROW
from orchestration.sources.errors import ConfigError

SourcePath = tuple[str, ...]

_MACROS = "\n".join(
    (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("scrub_macros.sql", "mapping_macros.sql")
)


def sandbox(*, is_careful: bool = False) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory without files and network, in UTC, with the functions of the two macro files.

    Parameters
    ----------
    is_careful : bool
        For expressions inside `try`. DuckDB's optimizer (1.5) moves parts of them out of it, such as what two
        expressions have in common or fields of structs; an error there would end the query instead of the row.
    """
    # One thread: a batch is too small to be shared, two spend half their time on each other.
    connection = duckdb.connect(
        config={"enable_external_access": "false", "autoinstall_known_extensions": "false", "threads": 1}
    )
    connection.execute("set timezone = 'UTC'")
    connection.execute(_MACROS)
    if is_careful:
        connection.execute("pragma disable_optimizer")
    connection.execute("set lock_configuration = true")
    return connection


@cache
def json_functions() -> duckdb.DuckDBPyConnection:
    """A DuckDB that sees no disk, for its JSON functions; all share it, so take a cursor of it."""
    return duckdb.connect(config={"enable_external_access": "false"})


def source_paths(connection: duckdb.DuckDBPyConnection, expression: str, where_from: str) -> set[SourcePath]:
    """Source columns that an expression reads, found with DuckDB's own parser.

    Parameters
    ----------
    expression : str
        A computation over source columns; subqueries and tables are refused.
    where_from : str
        `file:line` for the message.

    Returns
    -------
    set of tuple of str
        Paths such as `("device", "category")`; `_row` is not among them, every feed has it.
    """
    text = f"select ({expression})"
    tree = json.loads(connection.execute("select json_serialize_sql(?)", [text]).fetchall()[0][0])
    if tree.get("error"):
        raise ConfigError(f"{where_from}: {expression!r} is not a SQL expression: {tree['error_message']}; correct it")
    statements = tree["statements"]
    if len(statements) != 1 or not _is_computation(statements[0]["node"]):
        raise ConfigError(f"{where_from}: {expression!r} is more than a computation; use source columns and functions")
    return {path for path in _paths(statements) if path != (ROW,)}


def json_structure(paths: Iterable[SourcePath], declared: Mapping[str, Any], where_from: str) -> str:
    """What to take out of JSON records, as DuckDB's from_json wants it: text, unless declared otherwise."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        if path[0] in declared:
            tree[path[0]] = declared[path[0]]
            continue
        node = tree
        for part in path[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise ConfigError(f"{where_from}: {part} is used whole and in parts; write {part}->>'$.{path[-1]}'")
        node.setdefault(path[-1], "VARCHAR")
    return json.dumps(tree)


def nested_names(structure: Any) -> set[str]:
    """Every name inside a declared structure."""
    if isinstance(structure, dict):
        return set(structure).union(*(nested_names(value) for value in structure.values()))
    return set().union(*map(nested_names, structure)) if isinstance(structure, list) else set()


def _is_computation(node: Mapping[str, Any]) -> bool:
    is_single = len(node.get("select_list", ())) == 1 and node.get("from_table", {}).get("type") == "EMPTY"
    return is_single and '"class": "SUBQUERY"' not in json.dumps(node)


def _paths(node: Any, bound: frozenset[str] = frozenset()) -> Iterator[SourcePath]:
    if isinstance(node, list):
        for item in node:
            yield from _paths(item, bound)
    elif isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            if node["column_names"][0] not in bound:
                yield tuple(node["column_names"])
        elif node.get("class") == "LAMBDA":
            parameters = {path[0] for path in _paths(node["lhs"])}
            yield from _paths(node["expr"], bound | parameters)
        else:
            for value in node.values():
                yield from _paths(value, bound)
