"""Event-grain facts as Parquet by day, beside the file the dashboards read. No Dagster import.

A day's folder is named by a hash of its rows and never changes once it is named: a run writes the days that differ from
all that is there, a version lists the folders it consists of, and versions share the days they have in common. Hashing
looks at every row, a fraction of a second per million; the change logs would know the days without looking, but nothing
of tables built by hand or rows that were erased.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import duckdb

#: Mart with a row per visit, contact, journey or order -> the day it belongs to.
FACTS = {
    "fct_sessions": "session_date",
    "fct_touchpoints": "touchpoint_date",
    "fct_journeys": "end_date",
    "fct_conversions": "conversion_date",
}
FOLDER = "facts"
_TEMPORARY = ".unpublished"


def fact_files(serving_dir: Path, fact: str) -> list[Path]:
    """Name the Parquet files of a fact in the version that is published, the oldest day first.

    Parameters
    ----------
    serving_dir : Path
        Where versions are kept, `data/serving`.
    fact : str
        A key of `FACTS`.

    Raises
    ------
    LookupError
        If no version is published, or it has no such fact.
    """
    pointer = serving_dir / "current.json"
    listed = json.loads(pointer.read_text(encoding="utf-8")).get("facts") if pointer.exists() else None
    if listed is None:
        raise LookupError(f"nothing with facts is published in {serving_dir}: run the pipeline first")
    folders = _listed(serving_dir / listed)
    if fact not in folders:
        raise LookupError(f"no fact {fact!r} is published; there are {', '.join(sorted(folders))}")
    return [file for folder in folders[fact] for file in sorted((serving_dir / folder).glob("*.parquet"))]


def manifest_name(run_id: str) -> str:
    """Name the list of a version's folders."""
    return f"{run_id}.{FOLDER}.json"


def publish_facts(
    connection: duckdb.DuckDBPyConnection,
    serving_dir: Path,
    run_id: str,
    row_hashes: Mapping[str, str],
    sync: Callable[[Path], None],
) -> dict[str, str]:
    """Write the days that are new or other than before, and the list of all days of this version.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The warehouse.
    serving_dir : Path
    run_id : str
        Of the version.
    row_hashes : mapping of str to str
        Fact to an SQL expression that hashes one of its rows.
    sync : callable
        Makes the disk hold a file or folder.

    Returns
    -------
    dict of str to str
        `fact/day` to the hash of its rows.
    """
    home = serving_dir / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    for leftover in home.glob(f"*{_TEMPORARY}"):
        shutil.rmtree(leftover)
    hashes: dict[str, str] = {}
    manifest: dict[str, list[str]] = {}
    for fact, row_hash in row_hashes.items():
        day = f"coalesce({FACTS[fact]}::varchar, 'unknown')"
        folders = {}
        for name, *content in connection.execute(
            f"select {day}, count(*), sum(row::hugeint)::varchar, bit_xor(row) "
            f"from (select {FACTS[fact]}, {row_hash} as row from marts.{fact}) group by all order by all"
        ).fetchall():
            key = hashlib.sha256(f"{row_hash}|{content}".encode()).hexdigest()[:16]
            hashes[f"{fact}/{name}"] = key
            folders[name] = home / fact / f"{name}.{key}"
        missing = {name: folder for name, folder in folders.items() if not folder.exists()}
        if missing:
            _write_days(connection, fact, day, missing, home / f"{fact}{_TEMPORARY}", sync)
        manifest[fact] = [str(folder.relative_to(serving_dir)) for folder in folders.values()]
    listed = serving_dir / manifest_name(run_id)
    listed.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    sync(listed)
    return hashes


def prune_facts(serving_dir: Path, run_ids: Iterable[str]) -> None:
    """Remove the lists of all but these versions, and the days that none of them holds."""
    kept = {serving_dir / manifest_name(run_id) for run_id in run_ids}
    for listed in serving_dir.glob(manifest_name("*")):
        if listed not in kept:
            listed.unlink()
    needed = {
        serving_dir / folder
        for listed in kept
        if listed.exists()
        for folders in _listed(listed).values()
        for folder in folders
    }
    for folder in (serving_dir / FOLDER).glob("*/*"):
        if folder not in needed:
            shutil.rmtree(folder)


def _listed(manifest: Path) -> dict[str, list[str]]:
    content: dict[str, list[str]] = json.loads(manifest.read_text(encoding="utf-8"))
    return content


def _write_days(
    connection: duckdb.DuckDBPyConnection,
    fact: str,
    day: str,
    missing: Mapping[str, Path],
    temporary: Path,
    sync: Callable[[Path], None],
) -> None:
    """All days in one pass; a folder gets its name when it is whole."""
    escaped = str(temporary).replace("'", "''")
    connection.execute(
        f"copy (select *, {day} as _day from marts.{fact} where list_contains(?, {day}) order by _day) "
        f"to '{escaped}' (format parquet, compression zstd, partition_by (_day))",
        [list(missing)],
    )
    home = next(iter(missing.values())).parent
    home.mkdir(exist_ok=True)
    for name, folder in missing.items():
        written = temporary / f"_day={name}"
        for file in written.iterdir():
            sync(file)
        written.replace(folder)
    shutil.rmtree(temporary)
    sync(home)
