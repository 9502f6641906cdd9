"""Decide whether a build may be incremental, and keep the books that the incremental models read. No Dagster import.

A build is incremental when everything the change logs do not show is as it was in the last whole build: the project's
code, seeds and variables, and that the raw rows changed only by loads that are in the books. Otherwise, and whenever
the books themselves are in doubt, it is a full rebuild: exact by construction, only slower.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import COMPLETE_STATES

_INCREMENTAL = {"keyed", "summed"}

_TABLES = """
create schema if not exists increments;
create table if not exists increments.deliveries (entity varchar, feed varchar, delivery_date date);
create table if not exists increments.builds (
    model varchar, build_id varchar, is_partial boolean, built_at timestamptz
);
-- What the last whole build had seen ('done'), and what the running one has ('begun').
create table if not exists increments.marks (
    stage varchar, build_id varchar, is_partial boolean, fingerprint varchar, raw_rows varchar
);
create table if not exists increments.seen (
    stage varchar, entity varchar, feed varchar, delivery_date date, content varchar
);
"""

# Snapshots have no day and carry that of 1970; a load that failed changes the content to nothing it had not been.
_DELIVERED = f"""
select
    entity,
    source as feed,
    coalesce(try_cast("window" as date), date '1970-01-01') as delivery_date,
    md5(string_agg(concat_ws('|', batch_id, finished_at, rows_loaded), ',' order by batch_id, finished_at)) as content
from raw.load_batches
where rows_loaded > 0 or state in {COMPLETE_STATES}
group by all
"""


@dataclass(frozen=True, slots=True)
class BuildMode:
    """How the models are to be built.

    Attributes
    ----------
    is_partial : bool
        Only what changed, from the logs.
    reason : str
        Why, for the run's log.
    """

    is_partial: bool
    reason: str


def begin(
    connection: duckdb.DuckDBPyConnection,
    build_id: str,
    *,
    fingerprint: str,
    models: Collection[str],
    full: bool = False,
) -> BuildMode:
    """Note what this build sees and decide how it builds.

    Parameters
    ----------
    connection : DuckDBPyConnection
        The warehouse.
    build_id : str
        The same for all parts of one run.
    fingerprint : str
        Of everything but rows that the models depend on.
    models : collection of str
        Names of the incremental models.
    full : bool
        Rebuild everything, whatever the books say.
    """
    connection.execute(_TABLES)
    begun = connection.execute(
        "select is_partial from increments.marks where stage = 'begun' and build_id = ?", [build_id]
    ).fetchone()
    if begun is not None:
        return BuildMode(begun[0], "continues what this run began")
    connection.execute("begin")
    try:
        raw_rows = _raw_rows(connection)
        reason = "a full rebuild was asked for" if full else _obstacle(connection, fingerprint, models, raw_rows)
        connection.execute("delete from increments.seen where stage = 'begun'")
        connection.execute(f"insert into increments.seen select 'begun', * from ({_DELIVERED})")
        changed = _note_changed_deliveries(connection)
        if reason:
            # A rebuild that is killed half way must not be taken for a whole one.
            connection.execute("delete from increments.marks where stage = 'done'")
        connection.execute("delete from increments.marks where stage = 'begun'")
        connection.execute(
            "insert into increments.marks values ('begun', ?, ?, ?, ?)",
            [build_id, reason is None, fingerprint, json.dumps(raw_rows)],
        )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return BuildMode(reason is None, reason or f"{changed} deliveries changed since the last whole build")


def finish(connection: duckdb.DuckDBPyConnection, build_id: str, models: Collection[str]) -> bool:
    """Empty the change logs if this run has built every incremental model; say whether it has.

    Until then they go on collecting, so that a run that failed, or built only some models, loses no change.
    """
    built = dict(
        connection.execute("select model, max_by(build_id, built_at) from increments.builds group by model").fetchall()
    )
    if any(built.get(model) != build_id for model in models):
        return False
    connection.execute("begin")
    try:
        for model in models:
            connection.execute(f'delete from increments."{model}"')
        connection.execute("delete from increments.deliveries")
        connection.execute("delete from increments.builds where build_id <> ?", [build_id])
        for table in ("seen", "marks"):
            connection.execute(f"delete from increments.{table} where stage = 'done'")
            connection.execute(f"update increments.{table} set stage = 'done' where stage = 'begun'")
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return True


def keyed_models(manifest: Mapping[str, object]) -> list[str]:
    """Name the incremental models of a manifest."""
    nodes: Mapping[str, Mapping[str, object]] = manifest["nodes"]  # type: ignore[assignment]
    return sorted(
        str(node["name"])
        for node in nodes.values()
        if node["resource_type"] == "model" and node["config"]["materialized"] in _INCREMENTAL  # type: ignore[index]
    )


def fingerprint_of(project: str, variables: Mapping[str, object]) -> str:
    """Hash what rows depend on beside rows; the last business day is no part, because models follow it."""
    fixed = {name: value for name, value in sorted(variables.items()) if name != "as_of_date"}
    return hashlib.sha256(f"{project}|{json.dumps(fixed, default=str)}".encode()).hexdigest()


def _obstacle(
    connection: duckdb.DuckDBPyConnection, fingerprint: str, models: Collection[str], raw_rows: Mapping[str, int]
) -> str | None:
    """Say why an incremental build would not be exact; None if it is."""
    done = connection.execute(
        "select build_id, fingerprint, raw_rows from increments.marks where stage = 'done'"
    ).fetchone()
    if done is None:
        return "no whole build is in the books yet, or the last rebuild did not end"
    if done[1] != fingerprint:
        return "the dbt project, a seed or a variable changed"
    outside = connection.execute(
        "select distinct model from increments.builds where not is_partial and build_id <> ?", [done[0]]
    ).fetchall()
    if outside:
        return f"built outside of a run: {', '.join(sorted(row[0] for row in outside))}"
    tables = {
        row[0]
        for row in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'increments'"
        ).fetchall()
    }
    if missing := sorted(set(models) - tables):
        return f"never built: {', '.join(missing)}"
    before = json.loads(done[2])
    for entity, rows in raw_rows.items():
        if rows != before.get(entity):
            return f"raw.{entity} holds other rows than its loads brought ({rows} more or fewer than in the books)"
    return None


def _raw_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count what each raw table holds beside what its loads say: the same number until rows come or go another way."""
    booked = dict(
        connection.execute("select entity, sum(rows_loaded)::bigint from raw.load_batches group by entity").fetchall()
    )
    held = {
        entity: connection.execute(f"select count(*) from raw.{entity}").fetchall()[0][0] for entity in sorted(ENTITIES)
    }
    return {entity: rows - (booked.get(entity) or 0) for entity, rows in held.items()}


def _note_changed_deliveries(connection: duckdb.DuckDBPyConnection) -> int:
    """Add the deliveries that came, went or have other content than the last whole build saw."""
    connection.execute(
        """
        insert into increments.deliveries
        select distinct entity, feed, delivery_date
        from (
            select * exclude stage from increments.seen where stage in ('begun', 'done')
            group by all having count(*) = 1
        )
        where (entity, feed, delivery_date) not in (select (entity, feed, delivery_date) from increments.deliveries)
        """
    )
    return int(connection.execute("select count(*) from increments.deliveries").fetchall()[0][0])
