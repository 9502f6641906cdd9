"""What the texts of a column can need, seen from their bytes: most columns of most batches need nothing.

Trimming, and looking for addresses or for objects where a text should be, costs more than casting. Here it is ruled out
for a whole column at once, in hundredths of a second per million values; a doubt counts as a need.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

#: First and last bytes, in UTF-8, of whatever Unicode calls white space (and of other characters).
_STARTS = np.isin(np.arange(256), [*range(0x21), 0xC2, 0xE1, 0xE2, 0xE3])
_ENDS = np.isin(np.arange(256), [*range(0x21), *range(0x80, 0x8B), 0x9F, 0xA0, 0xA8, 0xA9, 0xAF])
_OPENINGS = np.isin(np.arange(256), list(b"{["))
#: One of these is in every text that `scrub_email` changes.
_MARKS_OF_ADDRESSES = ("@", "＠", "﹫", "%40", "\\u0040", "&#", "&commat;", "(", "[", "{")


@dataclass(frozen=True, slots=True)
class Facts:
    """What may occur among the values of a column.

    Attributes
    ----------
    padded : bool
        White space before or behind a value.
    empty : bool
        A text without characters.
    nested : bool
        A text that looks like an object or a list.
    address : bool
        An e-mail address, in any spelling.
    """

    padded: bool = True
    empty: bool = True
    nested: bool = True
    address: bool = True


#: What is assumed of a column that was not looked at.
UNKNOWN = Facts()


def facts_of(column: pa.ChunkedArray, *, with_address: bool = True) -> Facts:
    """Facts about a text column; of any other column nothing is ruled out.

    Parameters
    ----------
    with_address : bool
        Whether to look for addresses, which means to go through the whole text.
    """
    if pa.types.is_dictionary(column.type):
        values = pa.chunked_array([chunk.dictionary for chunk in column.chunks], column.type.value_type)
        return facts_of(values, with_address=with_address)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return UNKNOWN
    padded = empty = nested = False
    address = not with_address
    for chunk in column.chunks:
        offsets, data = _buffers(chunk)
        starts, ends = offsets[:-1], offsets[1:]
        has_text = starts < ends
        first, last = data[starts[has_text]], data[ends[has_text] - 1]
        padded = padded or bool((_STARTS[first] | _ENDS[last]).any())
        nested = nested or bool(_OPENINGS[first].any())
        # A NULL takes no bytes either.
        is_null = chunk.is_null().to_numpy(zero_copy_only=False)
        empty = empty or not bool((has_text | is_null).all())
        if not address and len(chunk):
            text = data[offsets[0] : offsets[-1]].tobytes()
            address = any(mark.encode() in text for mark in _MARKS_OF_ADDRESSES)
    return Facts(padded, empty, nested, address)


def _buffers(chunk: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and bytes of a text array, as views."""
    _, offsets, data = chunk.buffers()
    width = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    if offsets is None or len(chunk) == 0:
        return np.zeros(1, width), np.zeros(0, np.uint8)
    places = np.frombuffer(offsets, width)[chunk.offset : chunk.offset + len(chunk) + 1]
    return places, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
