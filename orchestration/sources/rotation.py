"""Another secret for the pseudonyms: every stored one is carried over, so that whatever joined before joins after.

A pseudonym cannot be made anew from the address it stands for, which nobody has. It is hashed once more with the new
secret (pseudonyms.py says what that gives), one to one, over all personal columns. The result is a new warehouse file
that holds `raw` only: everything above is built from it anyway, and a database file keeps the bytes of what was changed
in it. The file takes the old one's place in one step, so a rotation can be killed and repeated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from orchestration.sources.casts import identifier
from orchestration.sources.contract import ENTITIES
from orchestration.sources.mapping import PERSONAL
from orchestration.sources.pseudonyms import Keys, carried_over, note_key, secrets_missing
from orchestration.sources.replace import create_raw_tables

_MEMORY = "1GB"
_ROWS = 100_000
#: Tables that others keep in `raw` name a pseudonym so, or as the contract does.
_PERSONAL_NAMES = {name for entity in ENTITIES.values() for name in entity.personal} | {"pseudonym"}
_IN_PAYLOAD = re.compile(rf'"{PERSONAL}":(\{{[^}}]*\}})')
#: A payload without `_personal` comes from before there was one: its pseudonyms stand where the persons stood.
_ANYWHERE = re.compile(r'"([0-9a-f]{32})"')


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was carried over: distinct pseudonyms, and rows of `raw` that were written anew."""

    pseudonyms: int
    rows: int


def rotate(warehouse: Path, key: Keys) -> Rotation | None:
    """Carry the pseudonyms in `raw` over to the newest secret of the key.

    Parameters
    ----------
    warehouse : Path
        DuckDB file; no other process may have it open. Schemas other than `raw` are left out: build them anew.
    key : bytes or sequence of bytes
        All secrets, the oldest first, the new one last.

    Returns
    -------
    Rotation or None
        None if the stored pseudonyms were made with this key already.

    Raises
    ------
    KeyChangedError
        The stored pseudonyms were made with none of the earlier secrets.
    """
    with duckdb.connect(str(warehouse)) as connection:
        create_raw_tables(connection)
        secrets = secrets_missing(connection, key)
        connection.execute("checkpoint")
    if not secrets:
        return None
    part = warehouse.with_suffix(".rotating")
    part.unlink(missing_ok=True)
    with duckdb.connect(str(part)) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"set memory_limit = '{_MEMORY}'")
        path = str(warehouse).replace("'", "''")
        connection.execute(f"attach '{path}' as before (read_only)")
        create_raw_tables(connection)
        _make_names(connection, secrets)
        rows = sum(_carry_over(connection, table, personal) for table, personal in _tables(connection).items())
        _carry_payloads_over(connection, secrets)
        note_key(connection, key)
        pseudonyms: int = connection.execute("select count(*) from names").fetchall()[0][0]
        connection.execute("detach before")
        connection.execute("checkpoint")
    part.replace(warehouse)
    return Rotation(pseudonyms, rows)


def _tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Tables of `raw` and their personal columns; of the contract's entities as the contract says."""
    columns: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'before' and schema_name = 'raw'"
    ).fetchall():
        personal = columns.setdefault(table, [])
        names = ENTITIES[table].personal if table in ENTITIES else _PERSONAL_NAMES
        if column in names:
            personal.append(column)
    columns.pop("pseudonym_key")
    return columns


def _make_names(connection: duckdb.DuckDBPyConnection, secrets: tuple[bytes, ...]) -> None:
    """Every distinct pseudonym and what becomes of it, hashed in Python, once each."""
    connection.execute("create temp table names (old varchar, new varchar)")
    every = " union ".join(
        f"select {identifier(name)} as old from before.raw.{identifier(table)}"
        for table, personal in _tables(connection).items()
        for name in personal
    )
    for batch in connection.cursor().execute(f"select old from ({every}) where old is not null").to_arrow_reader(_ROWS):
        old = batch.column(0).to_pylist()
        new = pa.table({"old": old, "new": [_renamed(name, secrets) for name in old]})
        connection.register("_new", new)
        connection.execute("insert into names from _new")
        connection.unregister("_new")


def _carry_over(connection: duckdb.DuckDBPyConnection, table: str, personal: list[str]) -> int:
    """Copy a table, its order of days included: it is what lets one day be found without reading all of them."""
    name = identifier(table)
    joins = "".join(
        f" left join names as n{place} on n{place}.old = t.{identifier(column)}"
        for place, column in enumerate(personal)
    )
    changed = ", ".join(f"n{place}.new as {identifier(column)}" for place, column in enumerate(personal))
    columns = f"t.* replace ({changed})" if personal else "t.*"
    order = " order by t._delivery_date, t._source, t._row_number" if table in ENTITIES else ""
    if table not in ENTITIES and table not in ("quarantine", "load_batches"):
        connection.execute(f"create table raw.{name} as from before.raw.{name} limit 0")
    connection.execute(f"insert into raw.{name} by name select {columns} from before.raw.{name} as t{joins}{order}")
    count: int = connection.execute(f"select count(*) from raw.{name}").fetchall()[0][0]
    return count


def _carry_payloads_over(connection: duckdb.DuckDBPyConnection, secrets: tuple[bytes, ...]) -> None:
    """Pseudonyms in the payloads of rejected rows, of which there are few."""
    payloads = connection.execute("select distinct payload from raw.quarantine where payload is not null").fetchall()
    changed = [(old, new) for (old,) in payloads if (new := _payload(old, secrets)) != old]
    if changed:
        connection.register("_new", pa.table(dict(zip(("old", "new"), zip(*changed, strict=True), strict=True))))
        connection.execute("update raw.quarantine as q set payload = n.new from _new as n where q.payload = n.old")
        connection.unregister("_new")


def _payload(text: str, secrets: tuple[bytes, ...]) -> str:
    def inside(match: re.Match[str]) -> str:
        persons = {name: value and _renamed(value, secrets) for name, value in json.loads(match[1]).items()}
        return f'"{PERSONAL}":{json.dumps(persons, separators=(",", ":"))}'

    if f'"{PERSONAL}":' in text:
        return _IN_PAYLOAD.sub(inside, text)
    return _ANYWHERE.sub(lambda match: f'"{_renamed(match[1], secrets)}"', text)


def _renamed(pseudonym: str, secrets: tuple[bytes, ...]) -> str:
    for secret in secrets:
        pseudonym = carried_over(pseudonym, secret)
    return pseudonym
