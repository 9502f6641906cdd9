"""Run one dbt model on a few rows: compiled once with dbt, then plain SQL in an in-memory DuckDB.

`run_model("int_web__sessions", stg_web__events=rows)` inserts the rows, rebuilds what lies between them and the model,
and returns what the model selects. Every other relation stays empty, seeds hold their committed rows. A call costs
milliseconds, so that hypothesis can compare a model with its slow and obvious twin on hundreds of worlds.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from hypothesis import settings

from orchestration.settings import DBT_PROJECT_DIR
from orchestration.sources.contract import BOOKKEEPING, ENTITIES, LOAD_BATCHES, QUARANTINE

Rows = Iterable[Mapping[str, Any]] | pd.DataFrame


def examples(few: int) -> settings:
    """Random worlds of a test: some in every run, as many times that as NETZPLAN_TEST_WORLDS says in a long proof."""
    return settings(max_examples=few * int(os.environ.get("NETZPLAN_TEST_WORLDS", "1")), deadline=None)


def run_model(model: str, variables: Mapping[str, Any] | None = None, **frames: Rows) -> pd.DataFrame:
    """Select a model, or what a data test finds, over the given rows.

    Parameters
    ----------
    model : str
        Name of a model or of a data test.
    variables : mapping, optional
        dbt variables other than the project's; each new set costs one dbt compilation.
    **frames : rows or DataFrame
        Content of models, seeds or raw tables by name; columns left out are NULL.
    """
    return run_models([model], variables, **frames)[model]


def run_models(
    models: Sequence[str], variables: Mapping[str, Any] | None = None, **frames: Rows
) -> dict[str, pd.DataFrame]:
    """Select several models over the same rows: what lies between is rebuilt once."""
    world = _world(json.dumps(dict(variables or {}), sort_keys=True))
    return world.select(models, frames)


class World:
    """The compiled project over empty raw tables; models are built in it when they are first needed."""

    def __init__(self, manifest: dict[str, Any]) -> None:
        self._nodes: dict[str, dict[str, Any]] = {**manifest["nodes"], **manifest["sources"]}
        self._ids = {
            node["name"]: key
            for key, node in self._nodes.items()
            if node["resource_type"] in ("model", "seed", "source", "test")
        }
        self._built: set[str] = set()
        self._connection = duckdb.connect()
        self._connection.execute("set timezone = 'UTC'; set threads = 1")
        for schema in {node["schema"] for node in self._nodes.values()}:
            self._connection.execute(f'create schema if not exists "{schema}"')

    def select(self, models: Sequence[str], frames: Mapping[str, Rows]) -> dict[str, pd.DataFrame]:
        targets = {self._ids[model]: model for model in models}
        given = {self._ids[name]: rows for name, rows in frames.items()}
        order = list(dict.fromkeys(key for target in targets for key in self._ancestors(target)))
        inner = {parent for key in order for parent in self._parents(key)}
        if unused := set(given) - set(order):
            raise ValueError(f"{', '.join(models)}: read no {sorted(unused)}")
        for key in order:
            if key in inner:
                self._build(key)
        self._connection.begin()
        try:
            stale: set[str] = set()
            for key in order:
                if key in given:
                    self._fill(key, given[key])
                    stale.add(key)
                elif key in inner and stale.intersection(self._parents(key)):
                    self._create(key)
                    stale.add(key)
            return {
                model: _to_frame(self._connection.sql(self._nodes[target]["compiled_code"]).to_arrow_table())
                for target, model in targets.items()
            }
        finally:
            self._connection.rollback()

    def _parents(self, key: str) -> list[str]:
        return (self._nodes[key].get("depends_on") or {}).get("nodes", [])

    def _ancestors(self, target: str) -> list[str]:
        """Everything the target reads, each node after its parents, the target last."""
        order: dict[str, None] = {}

        def visit(key: str) -> None:
            if key not in order:
                for parent in self._parents(key):
                    visit(parent)
                order[key] = None

        visit(target)
        return list(order)

    def _relation(self, key: str) -> str:
        node = self._nodes[key]
        return f'"{node["schema"]}"."{node.get("alias") or node["name"]}"'

    def _build(self, key: str) -> None:
        if key in self._built:
            return
        node = self._nodes[key]
        if node["resource_type"] == "model":
            self._create(key)
        elif node["resource_type"] == "seed":
            path = DBT_PROJECT_DIR / node["original_file_path"]
            types = node["config"]["column_types"]
            self._connection.execute(
                f"create table {self._relation(key)} as from read_csv(?, header = true, types = ?)", [str(path), types]
            )
        elif node["schema"] == "raw":
            empty = _raw_schema(node["name"]).empty_table()
            self._connection.register("empty_table", empty)
            self._connection.execute(f"create table {self._relation(key)} as from empty_table")
            self._connection.unregister("empty_table")
        else:
            columns = ", ".join(f'"{name}" {column["data_type"]}' for name, column in node["columns"].items())
            self._connection.execute(f"create table {self._relation(key)} ({columns})")
        self._built.add(key)

    def _create(self, key: str) -> None:
        self._connection.execute(
            f"create or replace table {self._relation(key)} as {self._nodes[key]['compiled_code']}"
        )

    def _fill(self, key: str, rows: Rows) -> None:
        if not isinstance(rows, pd.DataFrame):
            rows = list(rows)
            names = list(dict.fromkeys(name for row in rows for name in row))
            table = pa.table({name: [row.get(name) for row in rows] for name in names})
        else:
            table = pa.Table.from_pandas(rows, preserve_index=False)
        self._connection.execute(f"delete from {self._relation(key)}")
        if table.num_rows:
            self._connection.register("given_rows", table)
            self._connection.execute(f"insert into {self._relation(key)} by name from given_rows")
            self._connection.unregister("given_rows")


def _to_frame(table: pa.Table) -> pd.DataFrame:
    """NULL stays None in text columns, so that expectations can be written down as plain lists."""
    frame = table.to_pandas()
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    for name in texts:
        frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
    return frame


def _raw_schema(name: str) -> pa.Schema:
    if name in ENTITIES:
        return pa.schema([*ENTITIES[name].schema, *BOOKKEEPING])
    return {"quarantine": QUARANTINE, "load_batches": LOAD_BATCHES}[name]


@lru_cache
def _world(variables: str) -> World:
    """Compile once per state of the project; workers of a parallel test run share the result through a file."""
    digest = hashlib.sha256(variables.encode())
    for path in sorted(DBT_PROJECT_DIR.rglob("*")):
        if path.suffix in (".sql", ".yml", ".csv") and "target" not in path.parts:
            digest.update(f"{path.relative_to(DBT_PROJECT_DIR)}\n".encode() + path.read_bytes())
    cached = Path(tempfile.gettempdir()) / f"netzplan-compiled-{os.getuid()}-{digest.hexdigest()[:16]}.json"
    if not cached.exists():
        manifest = _compile(variables)
        with tempfile.NamedTemporaryFile("w", dir=cached.parent, delete=False) as partial:
            json.dump(manifest, partial)
        os.replace(partial.name, cached)
    return World(json.loads(cached.read_text()))


def _compile(variables: str) -> dict[str, Any]:
    from dbt.cli.main import dbtRunner  # 3 s that a test run with a warm cache does not pay

    with tempfile.TemporaryDirectory() as target:
        environment = {"NETZPLAN_WAREHOUSE": ":memory:", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
        before = {name: os.environ.get(name) for name in environment}
        os.environ.update(environment)
        try:
            options = {
                "--project-dir": str(DBT_PROJECT_DIR),
                "--profiles-dir": str(DBT_PROJECT_DIR),
                "--target-path": target,
                "--log-path": target,
                "--vars": variables,
            }
            flags = ["--no-introspect", "--no-populate-cache", "--no-partial-parse", "--quiet"]
            result = dbtRunner().invoke(["compile", *flags, *(part for option in options.items() for part in option)])
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name)
                else:
                    os.environ[name] = value
        if not result.success:
            raise RuntimeError(f"dbt could not compile the project: {result.exception or result.result}")
        manifest = json.loads((Path(target) / "manifest.json").read_text())
    keep = ("name", "resource_type", "schema", "alias", "depends_on", "compiled_code", "original_file_path", "columns")
    wanted = ("model", "seed", "source", "test")
    return {
        group: {
            key: {name: node.get(name) for name in keep}
            | {"config": {"column_types": node["config"].get("column_types")}}
            for key, node in manifest[group].items()
            if node["resource_type"] in wanted
        }
        for group in ("nodes", "sources")
    }
