"""Personal identifiers become keyed hashes before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from orchestration.sources.errors import SourceError

#: One secret, or all secrets of an installation that has rotated them, the oldest first.
Keys = bytes | Sequence[bytes]

#: What systems write when they do not know a person. Hashing it would make one big person of all of them.
PLACEHOLDERS = frozenset({"", "0", "unknown", "null", "n/a", "none", "-"})

#: 128 bits: no two identifiers of any shop will meet, and joins are half as wide as with the full digest.
_HEX_DIGITS = 32


def normalise(value: str) -> str:
    """One spelling for all spellings of an identifier: Unicode NFC, trimmed, lower case."""
    return unicodedata.normalize("NFC", value).strip().lower()


def pseudonym(value: str | None, key: Keys) -> str | None:
    """Keyed hash of an identifier.

    Parameters
    ----------
    value : str or None
        E-mail address, customer number, cookie id, ...
    key : bytes or sequence of bytes
        The secret; whoever has it can test guesses against pseudonyms. After a rotation all secrets, the oldest first:
        each one hashes what the one before it made, so that pseudonyms of before can be carried over without knowing
        whose they are, and a secret that is known to others is of no use without the newest.

    Returns
    -------
    str or None
        32 hexadecimal digits of HMAC-SHA256; None for None and for placeholders such as "unknown" or "0".
    """
    if value is None:
        return None
    normalised = normalise(value)
    if normalised in PLACEHOLDERS:
        return None
    made = normalised
    for secret in _chain(key):
        made = carried_over(made, secret)
    return made


def carried_over(pseudonym_before: str, secret: bytes) -> str:
    """What a pseudonym becomes when one more secret is added to those that made it."""
    return hmac.digest(secret, pseudonym_before.encode(), hashlib.sha256).hex()[:_HEX_DIGITS]


def _chain(key: Keys) -> tuple[bytes, ...]:
    return (key,) if isinstance(key, bytes) else tuple(key)


class KeyChangedError(SourceError):
    """The key is not the one the stored pseudonyms were made with."""


def secrets_missing(connection: duckdb.DuckDBPyConnection, key: Keys) -> tuple[bytes, ...]:
    """The newest secrets of the key that the pseudonyms in `raw` were not made with yet; none if they fit.

    A warehouse that does not know its key yet is given this one.

    Raises
    ------
    KeyChangedError
        The pseudonyms were made with none of the earlier secrets: the same customers would become other people.
    """
    chain = _chain(key)
    connection.execute("create table if not exists raw.pseudonym_key (check_value varchar)")
    stored = connection.execute("select check_value from raw.pseudonym_key").fetchall()
    if not stored:
        note_key(connection, key)
        return ()
    for used in range(len(chain), 0, -1):
        if stored[0][0] == _check_value(chain[:used]):
            return chain[used:]
    raise KeyChangedError(
        "the pseudonyms in the warehouse were made with another key: with this one the same customers would become "
        "other people. Set the old NETZPLAN_PSEUDONYM_KEY again; to replace it, put it into "
        "NETZPLAN_PSEUDONYM_KEYS_BEFORE, set the new one and run: python -m orchestration rotate-key"
    )


def check_keys(connection: duckdb.DuckDBPyConnection, key: Keys) -> None:
    """Raise `KeyChangedError` unless the pseudonyms in `raw` were made with exactly this key."""
    if secrets_missing(connection, key):
        raise KeyChangedError(
            "the key was replaced, but the pseudonyms in the warehouse are still those of the old one; "
            "carry them over first: python -m orchestration rotate-key"
        )


def note_key(connection: duckdb.DuckDBPyConnection, key: Keys) -> None:
    """Remember which key the stored pseudonyms were made with, not the key."""
    connection.execute("create table if not exists raw.pseudonym_key (check_value varchar)")
    connection.execute("delete from raw.pseudonym_key")
    connection.execute("insert into raw.pseudonym_key values (?)", [_check_value(_chain(key))])


def _check_value(chain: tuple[bytes, ...]) -> str:
    return str(pseudonym("which key is this?", chain))


class Pseudonymiser:
    """Hashes Arrow columns, every distinct value once."""

    def __init__(self, key: Keys) -> None:
        self._key = key
        self._known: dict[str | None, str | None] = {}

    def column(self, values: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Pseudonyms of a text column, in the same order."""
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        encoded = values.cast(pa.string()).dictionary_encode()
        hashes = [self._one(value) for value in encoded.dictionary.to_pylist()]
        return pa.array(hashes, pa.string()).take(encoded.indices)

    def _one(self, value: str | None) -> str | None:
        if value not in self._known:
            if len(self._known) > 2_000_000:
                self._known.clear()
            self._known[value] = pseudonym(value, self._key)
        return self._known[value]
