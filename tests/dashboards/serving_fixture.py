"""A small published version with planted content: what the pages are tested and drawn against.

Its tables are made from the YAML contracts the marts are built by, so a renamed column fails here first.
Run it to look at the pages without a pipeline: `python -m tests.dashboards.serving_fixture FOLDER`.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import yaml

from orchestration.defs.ml.journey_map import solved_maps
from orchestration.defs.ml.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
LAST_DAY = date(2026, 10, 31)
META = {
    "published": "run_id varchar, data_version varchar, published_at timestamptz, as_of_date date, timezone varchar, "
    "currency varchar, source_kind varchar",
    "check_results": "check_name varchar, asset varchar, status varchar, severity varchar, description varchar",
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every table of a published version, empty."""
    for schema in ("marts", "ml", "meta"):
        connection.execute(f"create schema {schema}")
    for path in sorted((ROOT / "dbt_project" / "models" / "marts").glob("*/_*__models.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
            connection.execute(f"create table marts.{model['name']} ({columns})")
    for name, schema_of in TABLES.items():
        connection.register("incoming", schema_of.empty_table())
        connection.execute(f"create table ml.{name} as from incoming")
        connection.unregister("incoming")
    for name, columns in META.items():
        connection.execute(f"create table meta.{name} ({columns})")


def build(
    folder: Path, *, run_id: str = "run-1", factor: float = 1.0, last_day: date | None = LAST_DAY, filled: bool = True
) -> Path:
    """Write a version into `folder/serving` and point `current.json` at it, as publishing does.

    Parameters
    ----------
    folder : Path
        The data folder.
    run_id : str
        Names the file and the version.
    factor : float
        Multiplies revenue, so that a test can tell two versions apart.
    last_day : date or None
        The as-of date.
    filled : bool
        False leaves every table empty, as after a run without any data.
    """
    serving = folder / "serving"
    serving.mkdir(parents=True, exist_ok=True)
    file = serving / f"{run_id}.duckdb"
    published_at = datetime(2026, 11, 1, 5, 12, tzinfo=UTC)
    with duckdb.connect(str(file)) as connection:
        create_tables(connection)
        if filled:
            connection.execute(f"set variable last_day = date '{last_day}'")
            connection.execute(f"set variable factor = {factor}")
            connection.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
            _solve_maps(connection)
        connection.execute(
            "insert into meta.published values (?, ?, ?, ?, 'Europe/Berlin', 'EUR', 'demo')",
            [run_id, f"version-of-{run_id}", published_at, last_day],
        )
    pointer = {
        "run_id": run_id,
        "data_version": f"version-of-{run_id}",
        "published_at": str(published_at),
        "file": file.name,
    }
    part = serving / "current.json.part"
    part.write_text(json.dumps(pointer), encoding="utf-8")
    part.replace(serving / "current.json")
    return file


def _solve_maps(connection: duckdb.DuckDBPyConnection) -> None:
    """Solve the planted journeys, spread over the buckets of persons, as the run does."""
    edges = connection.execute(
        """
        select
            window_name, window_start, window_end, segment, from_node as "from", to_node as "to", bucket,
            sum(journeys // 100 + if((37 * bucket + 13 * way) % 100 < journeys % 100, 1, 0)) as n
        from journey_moves, range(100) as buckets (bucket)
        group by all
        """
    )
    for name, rows in solved_maps(edges.to_arrow_table().to_pandas()).items():
        connection.register("incoming", rows)
        connection.execute(f"insert into ml.{name} by name from incoming")
        connection.unregister("incoming")


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
