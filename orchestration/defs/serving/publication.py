"""Write, audit, publish: a new version is a new file, and a pointer that is replaced in one step. No Dagster import.

A database file that is replaced under its readers keeps showing them the old one, so a version never changes once it
is named: it is written under a temporary name, renamed, and only then pointed to. Whatever fails before that leaves
the old version serving. What grows with history, the facts of single events, is published by day (`facts.py`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.defs.serving.facts import FACTS, manifest_name, prune_facts, publish_facts

POINTER = "current.json"
SCHEMAS = ("marts", "ml")
#: Single posts and persons: published are only their means and counts. Fits name files of this machine.
_UNPUBLISHED = (
    "ml.catalog_targets",
    "ml.customer_scores",
    "ml.model_fits",
    "ml.next_best_campaigns",
    "ml.post_sentiments",
)
_TEMPORARY = ".unpublished.duckdb"
_SPARE_BYTES = 64 * 1024 * 1024
#: When something was loaded or fitted: another time for the same content.
_CLOCK_COLUMNS = {
    "checked_at",
    "last_checked_at",
    "last_loaded_at",
    "first_seen_at",
    "last_seen_at",
    "trained_at",
    "data_version",
}


class DiskFullError(OSError):
    """Not enough free space to write a version beside the one that serves."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """How one check of this build ended.

    Attributes
    ----------
    check_name, asset : str
        The check, and the table it is about, as `layer/table`.
    status : str
        `passed`, `failed`.
    severity : str
        `error` keeps a build from being published, `warn` is shown beside the data.
    rows : int or None
        Rows that break the rule.
    description : str
        What the check says.
    checked_at : datetime
    """

    check_name: str
    asset: str
    status: str
    severity: str
    rows: int | None
    description: str
    checked_at: datetime


_CHECK_RESULTS = pa.schema(
    [
        ("check_name", pa.string()),
        ("asset", pa.string()),
        ("status", pa.string()),
        ("severity", pa.string()),
        ("rows", pa.int64()),
        ("description", pa.string()),
        ("checked_at", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True, slots=True)
class Version:
    """What is known of a version beside its tables.

    Attributes
    ----------
    run_id : str
        The run that built it; the name of the file.
    published_at : datetime
        Aware.
    as_of_date : date or None
        Last business day in the data.
    timezone, currency : str
    source_kind : str
        `demo` for the simulated shop, else `real`.
    data_version : str
        Hash of the content: the same data has the same version, whoever built it and when.
    """

    run_id: str
    published_at: datetime
    as_of_date: date | None
    timezone: str
    currency: str
    source_kind: str
    data_version: str = ""


def publish(
    warehouse: duckdb.DuckDBPyConnection,
    serving_dir: Path,
    version: Version,
    checks: Sequence[CheckResult] = (),
    *,
    keep: int = 3,
) -> Version:
    """Copy marts and ml into a new version and point to it.

    Parameters
    ----------
    warehouse : DuckDBPyConnection
        The warehouse, with schemas `marts` and `ml`.
    serving_dir : Path
        Where versions are kept.
    version : Version
        Described but for `data_version`.
    checks : sequence of CheckResult
        Written beside the data, so that pages can show them.
    keep : int
        Versions left in the folder, this one included: readers may still have an older one open.

    Returns
    -------
    Version
        With its `data_version`.

    Raises
    ------
    DiskFullError
        Before anything is written.
    """
    serving_dir.mkdir(parents=True, exist_ok=True)
    for leftover in serving_dir.glob(f"*{_TEMPORARY}*"):
        leftover.unlink()
    _require_space(warehouse, serving_dir)
    temporary = serving_dir / f"{version.run_id}{_TEMPORARY}"
    source = warehouse.execute("select current_database()").fetchall()[0][0]
    rows = _row_hashes(warehouse, source, ["marts"])
    facts = {fact: rows["marts", fact] for fact in FACTS if ("marts", fact) in rows}
    try:
        hashes = publish_facts(warehouse, serving_dir, version.run_id, facts, _sync)
        version = _write(warehouse, temporary, version, checks, hashes)
        _sync(temporary)
        file = serving_dir / f"{version.run_id}.duckdb"
        temporary.replace(file)
        _sync(serving_dir)
        _point_to(file, version)
    finally:
        temporary.unlink(missing_ok=True)
    prune(serving_dir, keep)
    return version


def current(serving_dir: Path) -> dict[str, str] | None:
    """Return what `current.json` says; None before the first version."""
    pointer = serving_dir / POINTER
    if not pointer.exists():
        return None
    content: dict[str, str] = json.loads(pointer.read_text(encoding="utf-8"))
    return content


def mart_hashes(path: Path, schemas: Iterable[str] = ("marts",)) -> dict[str, str]:
    """Hash every table of a database file, whatever the order of its rows.

    Numbers with a fraction count to seven digits: a sum over several threads differs in the last bits from run to run.
    Columns that say when a row was loaded or fitted do not count.

    Parameters
    ----------
    path : Path
        A published version or a warehouse.
    schemas : iterable of str

    Returns
    -------
    dict of str to str
        `schema.table` to hash.
    """
    with duckdb.connect(str(path), read_only=True) as connection:
        return table_hashes(connection, schemas)


def table_hashes(
    connection: duckdb.DuckDBPyConnection, schemas: Iterable[str] = ("marts",), catalog: str | None = None
) -> dict[str, str]:
    """Hash every table of an open database as `mart_hashes` does; `catalog` names an attached one."""
    catalog = catalog or connection.execute("select current_database()").fetchall()[0][0]
    hashes = {}
    for (schema, table), row_hash in _row_hashes(connection, catalog, schemas).items():
        content = connection.execute(
            f"select count(*), coalesce(sum(row::hugeint), 0)::varchar, coalesce(bit_xor(row), 0) "
            f"from (select {row_hash} as row from {_quoted(catalog)}.{_quoted(schema)}.{_quoted(table)})"
        ).fetchall()[0]
        hashes[f"{schema}.{table}"] = hashlib.sha256(f"{row_hash}|{content}".encode()).hexdigest()[:16]
    return hashes


def _row_hashes(
    connection: duckdb.DuckDBPyConnection, catalog: str, schemas: Iterable[str]
) -> dict[tuple[str, str], str]:
    """Of each table, by schema and name, the expression that hashes a row."""
    tables: dict[tuple[str, str], list[str]] = {}
    for schema, table, column, kind in connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and list_contains(?, schema_name) order by all",
        [catalog, list(schemas)],
    ).fetchall():
        if column not in _CLOCK_COLUMNS:
            name = _quoted(column)
            exact = name
            if kind in {"DOUBLE", "FLOAT"}:
                # Sums of another order differ in their last bits; one that should be 0 may be -0.
                exact = f"printf('%.6e', case when round({name}, 9) = 0 then 0 else round({name}, 9) end)"
            tables.setdefault((schema, table), []).append(exact)
    return {table: f"hash({', '.join(columns)})" for table, columns in tables.items()}


def combined_hash(hashes: Mapping[str, str]) -> str:
    """Make one hash of those of several tables."""
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:16]


def _require_space(warehouse: duckdb.DuckDBPyConnection, serving_dir: Path) -> None:
    """A version is never larger than the warehouse it is copied from, and about as large as the last one."""
    published = current(serving_dir)
    last = serving_dir / Path(published["file"]).name if published else None
    source = warehouse.execute(
        "select path from duckdb_databases() where database_name = current_database()"
    ).fetchall()
    upper = Path(source[0][0]).stat().st_size if source and source[0][0] else 0
    needed = min(upper, 2 * last.stat().st_size) if last is not None and last.exists() else upper
    free = shutil.disk_usage(serving_dir).free
    if free < needed + _SPARE_BYTES:
        raise DiskFullError(
            f"publishing needs about {(needed + _SPARE_BYTES) >> 20} MB in {serving_dir}, {free >> 20} MB are free: "
            "free some space and run again; the last version goes on serving"
        )


def _write(
    warehouse: duckdb.DuckDBPyConnection,
    temporary: Path,
    version: Version,
    checks: Sequence[CheckResult],
    fact_hashes: Mapping[str, str],
) -> Version:
    source = _quoted(warehouse.execute("select current_database()").fetchall()[0][0])
    target = "publication"
    escaped = str(temporary).replace("'", "''")
    warehouse.execute(f"attach '{escaped}' as {target}")
    try:
        for schema in (*SCHEMAS, "meta"):
            warehouse.execute(f"create schema {target}.{schema}")
        for schema, table in warehouse.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = current_database() and list_contains(?, table_schema) "
            "and not list_contains(?, table_schema || '.' || table_name) order by all",
            [list(SCHEMAS), [*_UNPUBLISHED, *(f"marts.{fact}" for fact in FACTS)]],
        ).fetchall():
            name = f"{_quoted(schema)}.{_quoted(table)}"
            warehouse.execute(f"create table {target}.{name} as from {source}.{name}")
        hashes = {**table_hashes(warehouse, SCHEMAS, target), **fact_hashes}
        published = replace(version, data_version=combined_hash(hashes))
        warehouse.execute(
            f"create table {target}.meta.published as select $run_id as run_id, $data_version as data_version, "
            "$published_at::timestamptz as published_at, $as_of_date::date as as_of_date, $timezone as timezone, "
            "$currency as currency, $source_kind as source_kind",
            asdict(published),
        )
        results = pa.Table.from_pylist([asdict(check) for check in checks], schema=_CHECK_RESULTS)
        warehouse.register("_check_results", results)
        warehouse.execute(f"create table {target}.meta.check_results as from _check_results")
        warehouse.unregister("_check_results")
        warehouse.execute(f"checkpoint {target}")
    finally:
        warehouse.execute(f"detach {target}")
    return published


def _point_to(file: Path, version: Version) -> None:
    pointer = file.with_name(POINTER)
    waiting = pointer.with_suffix(".json.new")
    content = {"file": file.name, "facts": manifest_name(version.run_id), **asdict(version)}
    with waiting.open("w", encoding="utf-8") as handle:
        json.dump(content, handle, indent=2, default=lambda value: value.isoformat())
        handle.flush()
        os.fsync(handle.fileno())
    waiting.replace(pointer)
    _sync(file.parent)


def prune(serving_dir: Path, keep: int) -> None:
    """Remove the oldest versions, never the one that is pointed to."""
    serving = serving_dir / (current(serving_dir) or {})["file"]
    others = sorted(
        (path for path in serving_dir.glob("*.duckdb") if path != serving),
        key=lambda path: path.stat().st_mtime_ns,
        reverse=True,
    )
    for path in others[keep - 1 :]:
        path.unlink()
    prune_facts(serving_dir, [path.stem for path in (serving, *others[: keep - 1])])


def _sync(path: Path) -> None:
    """Make the disk hold what was written, so that a power cut cannot leave a pointer to an empty file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
