"""Whether a model has to be fitted again: only if its inputs or its code changed. No Dagster import."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
from collections.abc import Iterable
from datetime import UTC, datetime
from types import ModuleType

import duckdb
import pyarrow as pa

from orchestration.defs.ml.tables import TABLES
from orchestration.defs.resources import Warehouse
from orchestration.defs.serving.publication import combined_hash, table_hashes

#: Libraries whose next version may fit another model to the same rows.
_LIBRARIES = ("numpy", "scipy", "scikit-learn")


def inputs_hash(*tables: pa.Table) -> str:
    """Hash what a model is about to be fitted to, whatever the order of its rows.

    Numbers with a fraction count to seven digits: sums over several threads differ in their last bits.
    """
    with duckdb.connect() as connection:
        for number, table in enumerate(tables):
            connection.register("_rows", table)
            connection.execute(f"create table input_{number:03} as from _rows")
        return combined_hash(table_hashes(connection, ("main",)))


def code_version(*modules: ModuleType) -> str:
    """Hash the source of these modules and the versions of the libraries that do the numerics."""
    parts = [inspect.getsource(module) for module in modules]
    parts += [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def unchanged(warehouse: Warehouse, model: str, inputs: str, version: str) -> bool:
    """Whether the last fit of `model` saw these inputs with this code."""
    with warehouse.connect() as connection:
        rows = connection.execute(
            "select 1 from ml.model_fits where model = ? and inputs_hash = ? and code_version = ?",
            [model, inputs, version],
        ).fetchall()
    return bool(rows)


def remember(warehouse: Warehouse, model: str, inputs: str, version: str, **about: str) -> None:
    """Note what `model` was fitted to, once its rows are written.

    Parameters
    ----------
    **about : str
        `file`, `file_sha256` and `card`, of models that are kept (model_store.py).
    """
    row = {"model": model, "inputs_hash": inputs, "code_version": version, "trained_at": datetime.now(UTC), **about}
    schema = TABLES["model_fits"]
    rows = pa.Table.from_pylist([{name: row.get(name) for name in schema.names}], schema=schema)
    with warehouse.connect() as connection:
        connection.register("_fit", rows)
        connection.execute("begin")
        connection.execute("delete from ml.model_fits where model = ?", [model])
        connection.execute("insert into ml.model_fits by name from _fit")
        connection.execute("commit")


def forget(warehouse: Warehouse, models: Iterable[str]) -> None:
    """Let the next run fit these models anew."""
    with warehouse.connect() as connection:
        connection.execute("delete from ml.model_fits where list_contains(?, model)", [list(models)])
