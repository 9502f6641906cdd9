"""Tables as files: CSV the way a German or an English spreadsheet reads it, and Excel."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

# Excel allows none of these in the name of a sheet.
_NOT_IN_SHEET_NAMES = str.maketrans("", "", "[]:*?/\\")
_LONGEST_SHEET_NAME = 31
# A spreadsheet runs a cell that starts with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def escape(value: Any) -> Any:
    """Return text that no spreadsheet takes for a formula; anything but text unchanged."""
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def safe(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every text cell and heading escaped and without time zones, which Excel cannot store."""
    result = frame.copy()
    result.columns = [escape(str(column)) for column in result.columns]
    for column in result.columns:
        values = result[column]
        if isinstance(values.dtype, pd.DatetimeTZDtype):
            result[column] = values.dt.tz_localize(None)
        elif values.dtype == object or pd.api.types.is_string_dtype(values):
            result[column] = values.map(escape)
    return result


def csv(frame: pd.DataFrame, language: str) -> bytes:
    """Return UTF-8 CSV with a byte-order mark; German with `;` and decimal comma."""
    separator, decimal = (";", ",") if language == "de" else (",", ".")
    text = safe(frame).to_csv(index=False, sep=separator, decimal=decimal, lineterminator="\r\n")
    return text.encode("utf-8-sig")


def excel(frame: pd.DataFrame, sheet: str) -> bytes:
    """Return an .xlsx workbook with one sheet: filter row, frozen heading, columns as wide as their content."""
    buffer = io.BytesIO()
    options = {"options": {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}}
    table = safe(frame)
    sheet = sheet.translate(_NOT_IN_SHEET_NAMES)[:_LONGEST_SHEET_NAME]
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs=options) as writer:
        table.to_excel(writer, index=False, sheet_name=sheet)
        worksheet = writer.sheets[sheet]
        worksheet.freeze_panes(1, 0)
        worksheet.autofilter(0, 0, max(len(table), 1), max(len(table.columns) - 1, 0))
        worksheet.autofit()
    return buffer.getvalue()
