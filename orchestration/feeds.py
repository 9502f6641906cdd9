"""The feeds of this installation: those of the user's sources file, or those of the simulated shop."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb

from orchestration.settings import DEMO, Settings, SettingsError
from orchestration.sources.config import SourcesConfig, load_config
from orchestration.sources.contract import ENTITIES
from orchestration.sources.deliveries import SNAPSHOT_DATE
from orchestration.sources.load import create_raw_tables

#: Days the shop delivers beyond its last one, so that the schedule finds something every morning.
DAYS_AHEAD = 30
_SOURCES_FILE = "sources.yaml"


def load_feeds(settings: Settings) -> SourcesConfig:
    """Read the feeds; before the shop is written there are none, and Dagster shows the rest of the house.

    Raises
    ------
    ConfigError
        With file, line and remedy.
    """
    path = settings.sources or settings.demo_dir / _SOURCES_FILE
    if settings.sources is None and not path.exists():
        return SourcesConfig(settings.yesterday(), ())
    return load_config(path, demo_writer=lambda size: _shop_of_size(settings, size))


def write_demo_shop(settings: Settings) -> tuple[date, date]:
    """Simulate the shop up to yesterday; return its first and last business day.

    A shop that ends on another day is another shop: what the warehouse holds of days this one does not have is removed.

    Raises
    ------
    SettingsError
        The warehouse holds feeds of real sources.
    """
    last = settings.yesterday()
    config = load_config(_write(settings.demo_dir, settings.demo_size, last))
    if settings.warehouse.exists():
        with duckdb.connect(str(settings.warehouse)) as connection:
            _forget_other_days(connection, config, last, settings)
    return config.start, last


def _forget_other_days(
    connection: duckdb.DuckDBPyConnection, config: SourcesConfig, last: date, settings: Settings
) -> None:
    create_raw_tables(connection)
    shop = [feed.name for feed in config.feeds]
    others = connection.execute(
        "select distinct source from raw.load_batches where not list_contains(?, source) order by source", [shop]
    ).fetchall()
    if others:
        raise SettingsError(
            f"{settings.data_dir} holds data of real feeds ({', '.join(name for (name,) in others)}); "
            "give the demo a folder of its own: NETZPLAN_DATA_DIR=... make demo"
        )
    days = {"first": config.start, "last": last, "snapshot": SNAPSHOT_DATE}
    for entity in ENTITIES:
        connection.execute(
            f'delete from raw."{entity}" where _delivery_date not between $first and $last '
            "and _delivery_date != $snapshot",
            days,
        )
    connection.execute(
        'delete from raw.load_batches where try_cast("window" as date) not between ? and ?', [config.start, last]
    )
    connection.execute("delete from raw.quarantine where batch_id not in (select batch_id from raw.load_batches)")


def _shop_of_size(settings: Settings, size: str) -> Path:
    """Return the sources file of a shop named in the user's own, written when it is first asked for."""
    folder = settings.data_dir / DEMO / size
    path = folder / _SOURCES_FILE
    return path if path.exists() else _write(folder, size, settings.yesterday())


def _write(folder: Path, size: str, last: date) -> Path:
    from orchestration.sources.demo import write_shop

    return write_shop(folder, size=size, end=last, ahead_days=DAYS_AHEAD)
