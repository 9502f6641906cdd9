"""Numbers and dates as the reader's language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd
import pytest

from dashboards import formats, text


@pytest.fixture(params=["de", "en"])
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(text, "language", lambda: request.param)
    return str(request.param)


def plain(value: str) -> str:
    return value.replace("\N{NO-BREAK SPACE}", " ")


def test_numbers_money_and_shares(language: str) -> None:
    german = language == "de"
    assert formats.number(1234567.89, 1) == ("1.234.567,9" if german else "1,234,567.9")
    assert plain(formats.money(1234.5, "EUR", 2)) == ("1.234,50 €" if german else "€1,234.50")
    assert plain(formats.money(-12.4, "CHF")).replace(" ", "") == ("-12CHF" if german else "-CHF12")
    assert plain(formats.short_money(2_345_678)) == ("2,35 Mio. €" if german else "€2.35 M")
    assert plain(formats.percent(0.1234)) == ("12,3 %" if german else "12.3%")
    assert plain(formats.percent(0.00001, 2)) == ("< 0,01 %" if german else "< 0.01%")
    assert plain(formats.change(0.05)).startswith("+")


def test_days_and_moments(language: str) -> None:
    assert formats.day(date(2026, 3, 29)) == ("29.03.2026" if language == "de" else "29 Mar 2026")
    # The clock change of that night: 01:30 UTC is 03:30 in Berlin, half an hour earlier still 01:30 + 1.
    assert "03:30" in formats.moment(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Europe/Berlin")
    assert "01:30" in formats.moment(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "Europe/Berlin")


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NaT, pd.NA])
def test_missing_is_a_dash_everywhere(missing: object, language: str) -> None:
    for write in (formats.number, formats.money, formats.short_money, formats.percent, formats.change, formats.day):
        assert write(missing) == formats.MISSING
    assert formats.moment(missing, "Europe/Berlin") == formats.MISSING
    assert formats.between(missing, 1) == ""
