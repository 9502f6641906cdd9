"""Downloads open as what they are: German or English numbers, and never a formula."""

from __future__ import annotations

import io

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import downloads

ATTACKS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1"]


@given(st.text())
def test_no_text_cell_starts_a_formula(text: str) -> None:
    escaped = downloads.escape(text)
    assert not escaped.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert escaped in (text, f"'{text}")


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_text_in_csv_and_excel(attack: str) -> None:
    frame = pd.DataFrame({"name": [attack], attack: [1.5]})
    assert pd.read_csv(io.BytesIO(downloads.csv(frame, "en")))["name"][0].startswith("'")
    sheet = openpyxl.load_workbook(io.BytesIO(downloads.excel(frame, "x"))).active
    assert sheet is not None
    for cell in [*sheet[1], *sheet[2]]:
        assert cell.data_type != "f"


def test_german_csv_has_semicolons_commas_and_umlauts() -> None:
    frame = pd.DataFrame({"Gerät": ["Handy"], "Umsatz": [-1234.5], "Anteil": [None]})
    text = downloads.csv(frame, "de").decode("utf-8")
    assert text == "\ufeffGerät;Umsatz;Anteil\r\nHandy;-1234,5;\r\n"


def test_english_csv_has_commas_and_points() -> None:
    assert downloads.csv(pd.DataFrame({"a": [1.5], "b": ["x,y"]}), "en").decode("utf-8-sig") == 'a,b\r\n1.5,"x,y"\r\n'


def test_excel_keeps_numbers_days_and_moments() -> None:
    frame = pd.DataFrame(
        {
            "n": [1.25],
            "day": pd.to_datetime(["2026-10-31"]),
            "moment": pd.to_datetime(["2026-10-31 12:00"]).tz_localize("UTC"),
        }
    )
    sheet = openpyxl.load_workbook(io.BytesIO(downloads.excel(frame, "Blatt"))).active
    assert sheet is not None
    values = [cell.value for cell in sheet[2]]
    assert values[0] == 1.25
    assert str(values[1]).startswith("2026-10-31")
    assert str(values[2]).startswith("2026-10-31 12:00")
