"""What is shown of a record that could not be read: enough to find the fault, nothing personal."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

MASK = "***"
_JSON_VALUE = re.compile(r'("((?:[^"\\]|\\.)*)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,\]}{\["][^,\]}]*)')


def masked_text(text: str, allowed: Collection[str], header: Sequence[str] | None, delimiter: str) -> str:
    """A malformed line with everything masked that may be personal.

    Parameters
    ----------
    text : str
        The line as it stood in the source.
    allowed : collection of str
        Case-folded names of source columns that are mapped and not personal.
    header : sequence of str or None
        Names of the columns of a CSV file; None for JSON.
    delimiter : str
        Of the CSV file.
    """
    if header is None:
        if not text.lstrip().startswith(("{", "[")):
            return MASK if text else text
        return _JSON_VALUE.sub(
            lambda match: match[0] if match[2].casefold() in allowed else f'{match[1]}"{MASK}"', text
        )
    values = text.split(delimiter)
    shift = len(values) - len(header)
    shown = []
    for index, value in enumerate(values):
        # Nobody knows where the surplus or missing delimiter is: every column this value may belong to must allow it.
        candidates = range(max(0, min(index, index - shift)), min(len(header) - 1, max(index, index - shift)) + 1)
        is_allowed = bool(candidates) and all(header[place].casefold() in allowed for place in candidates)
        shown.append(value if is_allowed else MASK)
    return delimiter.join(shown)
