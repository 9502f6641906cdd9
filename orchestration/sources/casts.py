"""Text (or what a typed source brought) -> contract types, as SQL. What does not fit becomes NULL and is reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from orchestration.sources import contract
from orchestration.sources.column_facts import UNKNOWN, Facts
from orchestration.sources.config import Feed

YES = ("true", "t", "1", "yes", "y", "ja", "j", "granted", "wahr", "x")
NO = ("false", "f", "0", "no", "n", "nein", "denied", "falsch")

#: Code and wording per contract type.
FAULTS: Mapping[pa.DataType, tuple[str, str]] = {
    contract.FLAG: ("bad_boolean", "is not yes or no"),
    contract.COUNT: ("bad_integer", "is not a whole number"),
    contract.NUMBER: ("bad_number", "is not a number"),
    contract.MONEY: ("bad_number", "is not an amount"),
    contract.DATE: ("bad_date", "is not a date"),
    contract.INSTANT: ("bad_timestamp", "is not a point in time"),
}

_ZONE_AT_END = r"\d{2}:\d{2}.*(Z|z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_SPACE = "' ' || chr(9) || chr(10) || chr(13) || chr(160)"
#: %Y reads the 26 of 05.01.26 as the year 26.
_FIRST_DAY = "1000-01-01"
_EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000, "epoch_microseconds": 1}


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def is_text(arrow: pa.DataType) -> bool:
    """Whether a column arrived as text and is subject to the feed's notation."""
    return pa.types.is_string(arrow) or pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow)


def cleaned(column: str, arrow: pa.DataType, target: pa.DataType, feed: Feed, facts: Facts = UNKNOWN) -> str:
    """Trimmed text with NULL for "no value", or the typed value as it is."""
    name = identifier(column)
    if pa.types.is_nested(arrow):
        return f"to_json({name})::varchar"
    if pa.types.is_dictionary(arrow) or is_text(arrow) or pa.types.is_null(arrow):
        text = f"{name}::varchar"
        # Tables pad their columns, JSON and Parquet do not, and trimming every text of every event costs.
        may_be_padded = target != contract.TEXT or feed.format in ("csv", "excel") or feed.kind == "sql"
        is_trimmed = may_be_padded and facts.padded
        if is_trimmed:
            text = f"trim({text}, {_SPACE})"
        if feed.nulls:
            return f"case when {text} not in ({', '.join(map(quoted, ('', *feed.nulls)))}) then {text} end"
        return f"nullif({text}, '')" if facts.empty or is_trimmed else text
    if target == contract.TEXT and pa.types.is_floating(arrow):
        # One empty cell makes pandas turn whole numbers into floats: 1001 would become the key 1001.0.
        whole = f"{name} = floor({name}) and abs({name}) < 9007199254740992"
        return f"case when {whole} then {name}::bigint::varchar else {name}::varchar end"
    return f"{name}::varchar" if target == contract.TEXT else name


def typed(column: str, arrow: pa.DataType, target: pa.DataType, feed: Feed) -> str:
    """Expression of the contract type over the cleaned column; not for points in time."""
    name = identifier(column)
    text = is_text(arrow) or pa.types.is_dictionary(arrow) or pa.types.is_nested(arrow) or pa.types.is_null(arrow)
    if target == contract.TEXT:
        return name
    if target == contract.FLAG:
        value = f"lower({name}::varchar)"
        yes, no = (", ".join(map(quoted, words)) for words in (YES, NO))
        return f"case when {value} in ({yes}) then true when {value} in ({no}) then false end"
    if target == contract.DATE:
        return _date(name, feed.date_format) if text else f"try_cast({name} as date)"
    if text:
        number = _number(name, feed)
        if target == contract.COUNT:
            whole = f"regexp_replace({number}, '\\.0*$', '')"
            return f"case when regexp_full_match({whole}, '[+-]?\\d+') then try_cast({whole} as bigint) end"
        return f"try_cast({number} as {_sql_type(target)})"
    if target == contract.COUNT:
        return f"case when {name} = floor({name}) then try_cast({name} as bigint) end"
    if pa.types.is_floating(arrow):
        return f"case when isfinite({name}) then try_cast({name} as {_sql_type(target)}) end"
    return f"try_cast({name} as {_sql_type(target)})"


def zoned_and_local(column: str, arrow: pa.DataType, feed: Feed) -> tuple[str, str]:
    """A point in time as two expressions: one for values that carry a zone, one for wall-clock time without."""
    name = identifier(column)
    nothing = "null::timestamptz", "null::timestamp"
    if pa.types.is_timestamp(arrow):
        return (name, nothing[1]) if arrow.tz else (nothing[0], f"{name}::timestamp")
    if pa.types.is_date(arrow):
        return nothing[0], f"{name}::timestamp"
    formats = feed.timestamp_format
    if formats and formats[0] in _EPOCHS:
        factor = _EPOCHS[formats[0]]
        micros = f"try_cast(round(try_cast({name} as decimal(38, 6)) * {factor}) as bigint)"
        return f"try(make_timestamptz({micros}))", nothing[1]
    if not is_text(arrow) and not pa.types.is_dictionary(arrow):
        return nothing
    if formats:
        parsed = f"try_strptime({name}, [{', '.join(map(quoted, formats))}])"
        parsed = f"case when {parsed} >= timestamp '{_FIRST_DAY}' then {parsed} end"
        has_zone = any("%z" in form or "%Z" in form for form in formats)
        return (parsed, nothing[1]) if has_zone else (nothing[0], parsed)
    zone = f"regexp_matches({name}, '{_ZONE_AT_END}')"
    return (
        f"case when {zone} then try_cast({name} as timestamptz) end",
        f"case when not {zone} and try_cast({name} as timestamp) >= timestamp '{_FIRST_DAY}' "
        f"then try_cast({name} as timestamp) end",
    )


def wall_clock(local: str, zone: str) -> tuple[str, str, str]:
    """Resolve wall-clock time.

    Parameters
    ----------
    local : str
        Expression of a TIMESTAMP. Calls of `timezone` are the dearest of all casts (.35 s per million), so give it the
        distinct quarters of an hour rather than every row: no zone has changed its clock within one since 1972.
    zone : str
        IANA name.

    Returns
    -------
    tuple of str
        The point in time (of an hour that exists twice the first, NULL in an hour that does not exist), whether the
        hour does not exist, whether it exists twice.
    """
    place = quoted(zone)
    later = f"timezone({place}, {local})"
    earlier = f"{later} - interval 1 hour"
    is_double = f"timezone({place}, {earlier}) = {local}"
    is_gap = f"timezone({place}, {later}) <> {local}"
    return f"case when {is_gap} then null when {is_double} then {earlier} else {later} end", is_gap, is_double


def quarter_hour(local: str) -> str:
    """Begin of the quarter of an hour that a wall-clock time lies in."""
    return f"time_bucket(interval 15 minutes, {local})"


def _number(name: str, feed: Feed) -> str:
    """The text in SQL notation, NULL if it is not a number as this feed writes them."""
    decimal = feed.decimal
    thousands = feed.thousands or ("." if decimal == "," else "")
    point = "\\" + decimal
    grouped = f"\\d{{1,3}}(?:[{thousands}]\\d{{3}})"
    if feed.thousands:
        whole = f"(?:\\d+|{grouped}+)(?:{point}\\d*)?"
    elif thousands:
        # A lone 1.234 may be either; who says thousands: "." has decided.
        whole = f"\\d+(?:{point}\\d*)?|{grouped}+{point}\\d*|{grouped}{{2,}}"
    else:
        whole = f"\\d+(?:{point}\\d*)?"
    pattern = f"[+-]?(?:{whole}|{point}\\d+)(?:[eE][+-]?\\d+)?-?"
    plain = name
    if thousands:
        plain = f"replace({plain}, {quoted(thousands)}, '')"
    if decimal != ".":
        plain = f"replace({plain}, {quoted(decimal)}, '.')"
    # ERP systems write the minus behind the number.
    plain = f"case when ends_with({name}, '-') then '-' || rtrim({plain}, '-') else {plain} end"
    return f"case when regexp_full_match({name}, {quoted(pattern)}) then {plain} end"


def _date(name: str, formats: Sequence[str]) -> str:
    if formats:
        value = f"try_strptime({name}, [{', '.join(map(quoted, formats))}])::date"
        return f"case when {value} >= date '{_FIRST_DAY}' then {value} end"
    return (
        f"case when regexp_full_match({name}, '\\d{{8}}') then try_strptime({name}, '%Y%m%d')::date "
        f"else try_cast({name} as date) end"
    )


def _sql_type(target: pa.DataType) -> str:
    return {contract.NUMBER: "double", contract.MONEY: "decimal(18, 2)"}[target]
