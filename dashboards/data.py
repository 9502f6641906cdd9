"""The published data: the only module that opens the serving file.

A version is an immutable DuckDB file named by `serving/current.json`. Pages ask for SQL files by name; results are
cached under the version they came from: a new publish is seen on the next rerun and never mixes with an old one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

_PROJECT_DIR = Path(__file__).resolve().parent.parent
_QUERIES = Path(__file__).resolve().parent / "queries"
_STATE_KEY = "published_version"

# Opening read-only still lets SQL read any file of the machine; these three close that, and the last bolts the door.
_SANDBOX: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "memory_limit": "1GB",
    "threads": "2",
    "lock_configuration": "true",
}


class NothingPublishedError(Exception):
    """No run has published anything yet."""


class UnreadableError(Exception):
    """The pointer or the file it names cannot be read; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Version:
    """One published version of the data.

    Attributes
    ----------
    file : str
        Path of the DuckDB file.
    run_id, data_version : str
        What made it, and the key of every cached result.
    published_at : datetime
        When it was published (aware).
    as_of_date : date
        Last business day it covers.
    timezone, currency : str
        IANA zone of the business day; ISO 4217 code of all money.
    source_kind : str
        `demo` for the simulated shop.
    """

    file: str
    run_id: str
    data_version: str
    published_at: datetime
    as_of_date: date
    timezone: str
    currency: str
    source_kind: str


def serving_dir() -> Path:
    """Return the folder the daily run publishes into."""
    return Path(os.environ.get("NETZPLAN_DATA_DIR") or _PROJECT_DIR / "data").expanduser() / "serving"


def use_latest() -> Version:
    """Pin the latest published version for this rerun of the page.

    Raises
    ------
    NothingPublishedError
        There is no `current.json` yet.
    UnreadableError
        The pointer or the file is damaged.
    """
    folder = serving_dir()
    pointer = folder / "current.json"
    try:
        # Only the name counts, so that a data folder can be moved or mounted elsewhere.
        file = folder / Path(json.loads(pointer.read_text(encoding="utf-8"))["file"]).name
    except FileNotFoundError as error:
        raise NothingPublishedError(str(folder)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"{pointer.name}: {error}") from error
    try:
        version = _describe(str(file))
    except (duckdb.Error, OSError, IndexError) as error:
        raise UnreadableError(f"{file.name}: {error}") from error
    st.session_state[_STATE_KEY] = version
    return version


@dataclass(frozen=True, slots=True)
class Stopped:
    """A run that stopped after the pinned version was published, so that the figures are older than they should be.

    Attributes
    ----------
    failed_at : datetime
        Aware.
    steps : tuple of (str, str)
        Step that failed, and what it says about the reason and the remedy; empty where it says nothing fit to show.
    """

    failed_at: datetime
    steps: tuple[tuple[str, str], ...]


def stopped() -> Stopped | None:
    """Return the note of the run that stopped since the pinned version was published, if there is one."""
    try:
        note = json.loads((serving_dir() / "stopped.json").read_text(encoding="utf-8"))
        found = Stopped(
            datetime.fromisoformat(note["failed_at"]), tuple((step["step"], step["message"]) for step in note["steps"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.failed_at > version().published_at else None


def version() -> Version:
    """Return the version pinned for this rerun."""
    pinned: Version = st.session_state[_STATE_KEY]
    return pinned


def query(name: str, **parameters: Any) -> pd.DataFrame:
    """Run `queries/<name>.sql` on the pinned version with bound parameters.

    Parameters
    ----------
    name : str
        Name of the SQL file without `.sql`.
    **parameters
        One value per `$name` of the file.
    """
    return later(name, **parameters)()


def later(name: str, **parameters: Any) -> Callable[[], pd.DataFrame]:
    """Return a query of the pinned version that may run where there is no session, as for a download."""
    return partial(_rows, version().file, version().data_version, name, tuple(sorted(parameters.items())))


def one(name: str, **parameters: Any) -> dict[str, Any] | None:
    """Return the first row of a query as plain values with None for NULL, or None where there is no row."""
    frame = query(name, **parameters)
    if frame.empty:
        return None
    row = frame.astype(object).where(frame.notna(), None).iloc[0].to_dict()
    return {
        str(key): value.to_pydatetime() if isinstance(value, pd.Timestamp) and value.tzinfo else value
        for key, value in row.items()
    }


def covered(name: str, **parameters: Any) -> tuple[date, date] | None:
    """Return the `first_day` and `last_day` of a query, or None where there are no days."""
    row = one(name, **parameters)
    if row is None or row["last_day"] is None:
        return None
    return pd.Timestamp(row["first_day"]).date(), pd.Timestamp(row["last_day"]).date()


def connect(file: str) -> duckdb.DuckDBPyConnection:
    """Open a published file for reading, with every way out of it closed."""
    return duckdb.connect(file, read_only=True, config=_SANDBOX)


@st.cache_resource(max_entries=3, show_spinner=False, on_release=lambda connection: connection.close())
def _connection(file: str) -> duckdb.DuckDBPyConnection:
    return connect(file)


@st.cache_data(max_entries=16, show_spinner=False)
def _describe(file: str) -> Version:
    columns = "run_id, data_version, published_at, as_of_date, timezone, currency, source_kind"
    row = _connection(file).cursor().execute(f"select {columns} from meta.published").fetchall()[0]
    return Version(file, *row)


@st.cache_data(max_entries=400, show_spinner=False)
def _rows(file: str, data_version: str, name: str, parameters: tuple[tuple[str, Any], ...]) -> pd.DataFrame:
    sql = (_QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    # A cursor per query: one DuckDB connection must not be used by two sessions at once.
    return _connection(file).cursor().execute(sql, dict(parameters)).df()
