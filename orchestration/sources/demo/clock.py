"""Business days of the simulation: local midnights as instants, so that days of 23 and 25 hours come out right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import holidays
import numpy as np

TIMEZONE = "Europe/Berlin"


@dataclass(frozen=True)
class Clock:
    """Consecutive local days, indexed from 0.

    Attributes
    ----------
    start : date
        Local date of day 0.
    length : int
        Days that are simulated.
    """

    start: date
    length: int

    @cached_property
    def midnights(self) -> np.ndarray:
        """UTC seconds of each local midnight, one more than there are days."""
        zone = ZoneInfo(TIMEZONE)
        days = (self.start + timedelta(days=i) for i in range(self.length + 1))
        return np.array([int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp()) for d in days], dtype=np.int64)

    @cached_property
    def dates(self) -> np.ndarray:
        return np.datetime64(self.start) + np.arange(self.length)

    @cached_property
    def weekdays(self) -> np.ndarray:
        """0 is Monday."""
        return (self.dates.astype("datetime64[D]").astype(np.int64) + 3) % 7

    @cached_property
    def year_share(self) -> np.ndarray:
        """Position in the year, 0 to 1."""
        years = self.dates.astype("datetime64[Y]")
        return (self.dates - years.astype("datetime64[D]")).astype(np.int64) / 365.25

    @cached_property
    def is_holiday(self) -> np.ndarray:
        """Days on which every German shop is closed."""
        calendar = holidays.country_holidays("DE")
        return np.array([self.date(i) in calendar for i in range(self.length)])

    @cached_property
    def is_open(self) -> np.ndarray:
        """Days on which stores are open."""
        return (self.weekdays != 6) & ~self.is_holiday

    @cached_property
    def next_open(self) -> np.ndarray:
        """For every day the first day from it on which stores are open; the length where there is none."""
        days = np.where(self.is_open, np.arange(self.length), self.length)
        return np.minimum.accumulate(days[::-1])[::-1]

    def date(self, day: int) -> date:
        return self.start + timedelta(days=int(day))

    def instant(self, day: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """UTC seconds of a time given as seconds since local midnight."""
        return self.midnights[day] + seconds

    def day_of(self, instant: np.ndarray) -> np.ndarray:
        """Index of the local day; -1 before the first, `length` after the last."""
        return np.searchsorted(self.midnights, instant, side="right") - 1

    @cached_property
    def _offsets(self) -> tuple[np.ndarray, np.ndarray]:
        zone = ZoneInfo(TIMEZONE)
        hours = np.arange(self.midnights[0], self.midnights[-1], 3600)
        day = self.day_of(hours)
        # The clock changes on the hour, so only hours of days that are not 24 h long need a look-up of their own.
        usual = [int(datetime.fromtimestamp(m, zone).utcoffset().total_seconds()) for m in self.midnights.tolist()]  # type: ignore[union-attr]
        offsets = np.array(usual, dtype=np.int64)[day]
        for i in np.flatnonzero(np.diff(self.midnights)[day] != 86400):
            offsets[i] = int(datetime.fromtimestamp(int(hours[i]), zone).utcoffset().total_seconds())  # type: ignore[union-attr]
        return hours, offsets

    def local(self, instant: np.ndarray) -> np.ndarray:
        """Wall-clock time as seconds since 1970-01-01 00:00 of the wall clock."""
        hours, offsets = self._offsets
        at = np.clip((np.asarray(instant) - hours[0]) // 3600, 0, len(hours) - 1).astype(np.int64)
        return np.asarray(instant) + offsets[at]
