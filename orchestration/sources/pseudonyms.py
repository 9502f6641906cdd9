"""Personal identifiers become keyed hashes before anything is written."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

import pyarrow as pa

#: What systems write when they do not know a person. Hashing it would make one big person of all of them.
PLACEHOLDERS = frozenset({"", "0", "unknown", "null", "n/a", "none", "-"})

#: 128 bits: no two identifiers of any shop will meet, and joins are half as wide as with the full digest.
_HEX_DIGITS = 32


def normalise(value: str) -> str:
    """One spelling for all spellings of an identifier: Unicode NFC, trimmed, lower case."""
    return unicodedata.normalize("NFC", value).strip().lower()


def pseudonym(value: str | None, key: bytes) -> str | None:
    """Keyed hash of an identifier.

    Parameters
    ----------
    value : str or None
        E-mail address, customer number, cookie id, ...
    key : bytes
        The secret; whoever has it can test guesses against pseudonyms.

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
    return hmac.digest(key, normalised.encode(), hashlib.sha256).hex()[:_HEX_DIGITS]


class Pseudonymiser:
    """Hashes Arrow columns, every distinct value once."""

    def __init__(self, key: bytes) -> None:
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
