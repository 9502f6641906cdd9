"""Numbers, money and dates as a reader of the chosen language writes them."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from babel import Locale, dates, numbers

from dashboards import text

MISSING = "–"
_LOCALES = {"de": Locale.parse("de_DE"), "en": Locale.parse("en_GB")}


def locale() -> Locale:
    """Return the babel locale of the page's language."""
    return _LOCALES[text.language()]


def is_missing(value: Any) -> bool:
    """Whether a value from a query is SQL's NULL."""
    return value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)) or value is pd.NA


def number(value: Any, digits: int = 0) -> str:
    """Format a number with `digits` decimals: 12.345,6 or 12,345.6; never a negative zero."""
    if is_missing(value):
        return MISSING
    value = round(value, digits) + 0
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return numbers.format_decimal(value, format=pattern, locale=locale())


def probability(value: Any) -> str:
    """Format a p- or q-value with three decimals, and not as 0 what is only small."""
    if is_missing(value) or value >= 0.0005:
        return number(value, 3)
    return f"<\N{NO-BREAK SPACE}{number(0.001, 3)}"


def money(value: Any, currency: str = "EUR", digits: int = 0) -> str:
    """Format an amount of money without cents unless `digits` says so."""
    if is_missing(value):
        return MISSING
    body = "#,##0" + ("." + "0" * digits if digits else "")
    pattern = f"{body}\N{NO-BREAK SPACE}¤" if text.language() == "de" else f"¤{body}"
    return numbers.format_currency(
        value, currency, format=pattern, locale=locale(), currency_digits=False, group_separator=True
    )


def short_money(value: Any, currency: str = "EUR") -> str:
    """Format money for a headline: from a million on in millions."""
    if is_missing(value) or abs(value) < 1_000_000:
        return money(value, currency)
    million = number(value / 1_000_000, 2)
    symbol = numbers.get_currency_symbol(currency, locale=locale())
    return f"{million} Mio. {symbol}" if text.language() == "de" else f"{symbol}{million} M"


def percent(value: Any, digits: int = 1) -> str:
    """Format a share (0-1) as a percentage."""
    if is_missing(value):
        return MISSING
    pattern = "0" + ("." + "0" * digits if digits else "") + ("\N{NO-BREAK SPACE}%" if text.language() == "de" else "%")
    smallest = 10.0 ** -(digits + 2)
    if 0 < value < smallest / 2:
        return f"<\N{NO-BREAK SPACE}{numbers.format_percent(smallest, format=pattern, locale=locale())}"
    return numbers.format_percent(value, format=pattern, locale=locale())


def change(value: Any, digits: int = 1) -> str:
    """Format a relative change with its sign."""
    if is_missing(value):
        return MISSING
    return ("+" if value > 0 else "") + percent(value, digits)


def points(value: Any, digits: int = 1) -> str:
    """Format a difference of shares (0-1) in percentage points, with its sign."""
    if is_missing(value):
        return MISSING
    value = round(100 * value, digits) + 0
    return f"{'+' if value > 0 else ''}{number(value, digits)}"


def points_between(value: Any, low: Any, high: Any, digits: int = 1) -> str:
    """Format a difference of shares with its interval."""
    interval = between(low, high, lambda end: points(end, digits))
    return text.t("format.points", value=points(value, digits)) + (f" ({interval})" if interval else "")


def day(value: Any, length: str = "medium") -> str:
    """Format a calendar day."""
    if is_missing(value):
        return MISSING
    return dates.format_date(_as_date(value), format=length, locale=locale())


def moment(value: Any, timezone: str) -> str:
    """Format a point in time in the warehouse's zone, to the minute."""
    if is_missing(value):
        return MISSING
    return dates.format_datetime(
        pd.Timestamp(value).to_pydatetime(), "short", tzinfo=ZoneInfo(timezone), locale=locale()
    )


def between(low: Any, high: Any, write: Any = number) -> str:
    """Format an interval, or nothing where there is none."""
    if is_missing(low) or is_missing(high):
        return ""
    return f"{write(low)} – {write(high)}"


def interval(row: Any, name: str, write: Any = number) -> str:
    """Format the interval of a column, which stands in `<name>_low` and `<name>_high`."""
    return between(row[f"{name}_low"], row[f"{name}_high"], write)


def vega_locale(currency: str = "EUR") -> dict[str, Any]:
    """Return the `locale` part of a Vega-Lite config, so that axes speak the page's language."""
    here = locale()
    symbol = numbers.get_currency_symbol(currency, locale=here)
    return {
        "number": {
            "decimal": numbers.get_decimal_symbol(here),
            "thousands": numbers.get_group_symbol(here),
            "grouping": [3],
            "currency": ["", f"\N{NO-BREAK SPACE}{symbol}"] if text.language() == "de" else [symbol, ""],
        },
        "time": {
            "dateTime": "%d.%m.%Y %H:%M",
            "date": "%d.%m.%Y",
            "time": "%H:%M",
            "periods": ["AM", "PM"],
            # Babel counts weekdays from Monday, d3 from Sunday.
            "days": [here.days["format"]["wide"][(i + 6) % 7] for i in range(7)],
            "shortDays": [here.days["format"]["abbreviated"][(i + 6) % 7] for i in range(7)],
            "months": [here.months["format"]["wide"][i] for i in range(1, 13)],
            "shortMonths": [here.months["format"]["abbreviated"][i] for i in range(1, 13)],
        },
    }


def _as_date(value: Any) -> date:
    return value if isinstance(value, date) and not isinstance(value, datetime) else pd.Timestamp(value).date()
