"""What the calendar does to sales, as columns for a model: weekday, season, public holidays, the retail year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import holidays
import numpy as np
import pandas as pd

YEAR = 365.25
_MINIMUM_INTERACTION_DAYS = 300


def holiday_columns(dates: pd.DatetimeIndex, countries: Sequence[str], days: int = 1) -> dict[str, np.ndarray]:
    """Share of public holidays in each period, their eves, and the retail year of these countries.

    Parameters
    ----------
    dates : DatetimeIndex of shape (n_periods,)
        First day of each period.
    countries : sequence of str
        ISO codes that the package `holidays` knows (DE, AT, CH, ...): holidays of the whole country.
    days : int
        Length of a period in days.

    Returns
    -------
    dict of str to ndarray of shape (n_periods,)
        `holiday_DE`, ... of each country; `black_week` and `before_christmas` (both 0 without a country).

    Raises
    ------
    ValueError
        For a country the package does not know.
    """
    columns: dict[str, np.ndarray] = {}
    if not len(countries):
        return columns
    spanned = [[stamp.date() + timedelta(days=i) for i in range(days)] for stamp in dates]
    years = range(dates[0].year, dates[-1].year + 2)
    for country in countries:
        try:
            calendar = holidays.country_holidays(country, years=years)
        except NotImplementedError as error:
            raise ValueError(f"countries: the package `holidays` does not know {country!r}: {error}") from error
        columns[f"holiday_{country}"] = np.array([sum(day in calendar for day in span) / days for span in spanned])
        if days == 1:
            eves = [(span[0] + timedelta(days=1)) in calendar for span in spanned]
            columns[f"eve_{country}"] = np.array(eves, dtype=float)
    columns["black_week"] = np.array([np.mean([_in_black_week(day) for day in span]) for span in spanned])
    columns["before_christmas"] = np.array([np.mean([_before_christmas(day) for day in span]) for span in spanned])
    columns["after_christmas"] = np.array([np.mean([_after_christmas(day) for day in span]) for span in spanned])
    return columns


def _in_black_week(day: date) -> float:
    """Near to Black Friday, the day after the fourth Thursday of November: 1 on the day, half two days off."""
    first = date(day.year, 11, 1)
    friday = first + timedelta(days=(3 - first.weekday()) % 7 + 22)
    return 2.0 ** -(((day - friday).days / 2) ** 2)


def _before_christmas(day: date) -> float:
    """Rises over the four weeks to 14 December and ends with Christmas Eve."""
    left = (date(day.year, 12, 24) - day).days
    return max(0.0, 1 - abs(left - 10) / 25) if left >= 0 else 0.0


def _after_christmas(day: date) -> float:
    return float((day.month, day.day) >= (12, 25) or (day.month, day.day) <= (1, 3))


def season_columns(dates: pd.DatetimeIndex, days: int, harmonics: int) -> np.ndarray:
    """Trend, yearly waves and, for days, weekdays that may differ by season; shape (n_periods, n_columns)."""
    n = len(dates)
    columns = [np.ones(n), np.linspace(-1, 1, n)]
    turn = 2 * np.pi * (dates.year + dates.day_of_year.to_numpy() / YEAR).to_numpy()
    waves = [wave(k * turn) for k in range(1, harmonics + 1) for wave in (np.sin, np.cos)]
    columns += waves
    if days == 1:
        weekdays = [(dates.day_of_week == i).astype(float) for i in range(6)]
        columns += weekdays
        if n >= _MINIMUM_INTERACTION_DAYS:
            columns += [weekday * wave for weekday in weekdays for wave in waves[:2]]
    return np.column_stack(columns)
