"""When did visitors stop getting on, in which phase and who? Falls in progress found without being told where to look.

incidents = find_incidents(
    frame, day="day", phase="phase", visits="visits", progressed="progressed",
    by=("device", "channel", "visitor"), value="margin_eur", rng=numpy.random.default_rng(7),
)
incidents.to_frame()   # one row per incident: since 9 April, device=mobile, phase 5, from .65 to .32
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from ml.metrics import tail_probability
from ml.range_scan import Ranges, Scan, dispersion, fall, local_share
from ml.validation import numbers, require_columns

#: Days before and after a range that say what is normal, and the fewest days that can be judged at all.
REACH = 56
MIN_DAYS = 84
#: The level holds for a whole year of mornings: every range of the year is among those that chance is given.
LEVEL = 0.05
MIN_DROP = 0.1
REPLICATES = 199
MOST_INCIDENTS = 10
#: All visits together are named instead of one segment that shows the fall hardly better.
NEARLY = 0.9
#: A fall whose last day is this near to the last day of the data goes on.
OPEN_DAYS = 3

COLUMNS = (
    "phase", "segment", "first_day", "last_day", "is_open", "visits", "progress_share", "normal_share",
    "lost_progress", "lost_value", "p_value",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """A range of days in which fewer visitors of a segment got on from a phase than before and after.

    Attributes
    ----------
    phase : int
    segment : str
        `all`, or a dimension and its value: `device=mobile`.
    first_day, last_day : date
        Most likely range.
    is_open : bool
        Whether it reaches the end of the data.
    visits : int
        That entered the phase in the range.
    progress_share, normal_share : float
        That got on in the range, and in the 8 weeks before and after.
    lost_progress : float
        Visits that would have got on at the normal share.
    lost_value : float
        Those times the value of a visit that gets on; NaN without a value column.
    p_value : float
        Chance of a fall as clear in any phase, segment and range.
    """

    phase: int
    segment: str
    first_day: date
    last_day: date
    is_open: bool
    visits: int
    progress_share: float
    normal_share: float
    lost_progress: float
    lost_value: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Incidents:
    """What was found, clearest first, and on how much it rests.

    Attributes
    ----------
    found : tuple of Incident
    days : int
        Days looked at.
    looks : int
        Series times ranges that were tried; the p-values allow for all of them.
    verdict : str
        `supported` or `not enough data` (fewer than 84 days).
    """

    found: tuple[Incident, ...]
    days: int
    looks: int
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row per incident, the newest first."""
        frame = pd.DataFrame([asdict(incident) for incident in self.found], columns=list(COLUMNS))
        return frame.sort_values(
            ["last_day", "first_day", "p_value"], ascending=[False, False, True], ignore_index=True
        )


def find_incidents(
    frame: pd.DataFrame,
    *,
    day: str,
    phase: str,
    visits: str,
    progressed: str,
    by: Sequence[str] = (),
    value: str | None = None,
    reach: int = REACH,
    level: float = LEVEL,
    min_drop: float = MIN_DROP,
    replicates: int = REPLICATES,
    rng: np.random.Generator | None = None,
) -> Incidents:
    """Find the falls in progress that chance does not explain.

    Parameters
    ----------
    frame : DataFrame
        One row per day, phase and combination of `by`, in any order; repeated rows are added up. `day` (day), `phase`
        (whole number), `visits` and `progressed` (counts), `value` (of the visits that got on, e.g. margin).
    by : sequence of str
        Dimensions; besides all visits together, each of their values is looked at.
    reach : int
        Days before and after a range that it is held against.
    level : float
        Chance of a false alarm over all phases, segments and ranges together.
    min_drop : float
        Falls by a smaller part of the share are of no interest.
    replicates : int
        Draws of what chance does; fewer where it soon does as well.
    rng : numpy.random.Generator, optional
        For the draws (default seed 0).

    Raises
    ------
    ValueError
        If a column is missing, not numeric or negative, or more visits progressed than there were.

    Notes
    -----
    Scan statistic over phases, segments and ranges of days (Kulldorff 1997), divided by the series' own dispersion, so
    that days with much in common do not count as so many visits. Its maximum is compared with that of the same visits
    had each got on by chance as those in reach of it did: segments overlap there as they do here. What was found is
    mended, visits of that segment, phase and range, and the rest is looked at again.
    """
    cube = _Cube.of(frame, day, phase, visits, progressed, by, value)
    rng = rng or np.random.default_rng(0)
    if cube.days < MIN_DAYS:
        return Incidents((), cube.days, 0, "not enough data")
    ranges = Ranges.tried(cube.days, reach)
    found: list[Incident] = []
    looks = 0
    while len(found) < MOST_INCIDENTS:
        counts = cube.series()
        noise = dispersion(*counts, cube.phase_of_series, ranges)
        scores = fall(*counts, ranges, min_drop) / noise
        looks = looks or scores.size
        p_value = _chance(float(scores.max()), cube, ranges, min_drop, level, replicates, rng)
        if p_value > level:
            break
        best, first, last = _clearest(cube, scores, ranges, min_drop)
        found.append(cube.incident(best, first, last, reach, p_value))
        cube.mend(best, first, last, found[-1].normal_share)
    return Incidents(tuple(found), cube.days, looks, "supported")


def _clearest(cube: _Cube, scores: np.ndarray, ranges: Ranges, min_drop: float) -> tuple[int, int, int]:
    """Series, first and last day of the clearest fall; all visits are named where they show it nearly as well."""
    best, at = np.unravel_index(int(scores.argmax()), scores.shape)
    near = Ranges.around(int(ranges.first[at]), int(ranges.last[at]), cube.days, ranges.reach)
    pair = [int(best), int(cube.phase_of_series[best])]
    visits, progressed = cube.series()
    exact = fall(visits[pair], progressed[pair], near, min_drop)
    chosen = int(exact[1].max() >= NEARLY * exact[0].max())
    day = exact[chosen].argmax()
    return pair[chosen], int(near.first[day]), int(near.last[day])


def _chance(
    observed: float,
    cube: _Cube,
    ranges: Ranges,
    min_drop: float,
    level: float,
    replicates: int,
    rng: np.random.Generator,
) -> float:
    """Chance of as clear a fall anywhere; the draws end once it is plain that the level is exceeded."""
    if observed <= 0:
        return 1.0
    enough = int(2 * level * (replicates + 1))
    scan = Scan(cube.series()[0], ranges, min_drop)
    null: list[float] = []
    exceeding = 0
    for progressed in cube.quiet(ranges.reach, rng):
        null.append(scan.highest(progressed))
        exceeding += null[-1] >= observed
        if len(null) == replicates or exceeding >= enough:
            break
    return tail_probability(observed, np.array(null))


class _Cube:
    """Counts by cell (combination of dimensions), phase and day, and the series that add cells up."""

    def __init__(
        self, first_day: date, phases: np.ndarray, segments: list[str], members: np.ndarray, counts: np.ndarray
    ) -> None:
        self._first_day, self._phases, self._segments = first_day, phases, segments
        self._members = members  # (n_segments, n_cells)
        self._counts = counts  # (3, n_cells, n_phases, n_days): visits, progressed, value
        self.days = counts.shape[-1]

    @classmethod
    def of(
        cls, frame: pd.DataFrame, day: str, phase: str, visits: str, progressed: str, by: Sequence[str],
        value: str | None,
    ) -> _Cube:  # fmt: skip
        require_columns(frame, [day, phase, visits, progressed, *by, *([value] if value else [])], "frame")
        n = numbers(frame, visits, "frame", minimum=0)
        k = numbers(frame, progressed, "frame", minimum=0)
        if wrong := int((k > n).sum()):
            raise ValueError(f"frame.{progressed}: {wrong} of {len(frame)} rows exceed frame.{visits}")
        worth = numbers(frame, value, "frame") if value else np.full(len(frame), np.nan)
        days = pd.DatetimeIndex(pd.to_datetime(frame[day])).normalize()
        if lost := int(np.isnat(days.to_numpy()).sum()):
            raise ValueError(f"frame.{day}: {lost} of {len(frame)} rows have no day")
        day_number = np.asarray((days - days.min()).days)
        phase_number, phases = pd.factorize(frame[phase], sort=True)
        keys = pd.MultiIndex.from_frame(frame[list(by)].astype(str)) if by else pd.Index(["all"] * len(frame))
        cell_number, cells = pd.factorize(keys, sort=True)
        shape = (3, len(cells), len(phases), int(day_number.max()) + 1)
        counts = np.zeros(shape)
        for layer, values in enumerate((n, k, worth)):
            np.add.at(counts[layer], (cell_number, phase_number, day_number), values)
        values = np.array([list(cell) for cell in cells], dtype=object).reshape(len(cells), len(by))
        segments, members = ["all"], [np.ones(len(cells), dtype=bool)]
        for place, name in enumerate(by):
            names = sorted(set(values[:, place]))
            if len(names) > 1:
                segments += [f"{name}={one}" for one in names]
                members += [values[:, place] == one for one in names]
        return cls(days.min().date(), np.asarray(phases), segments, np.array(members), counts)

    def series(self) -> tuple[np.ndarray, np.ndarray]:
        """Visits and progressed visits of every segment and phase, each of shape (n_segments * n_phases, n_days)."""
        n, k = np.einsum("sc,lcpd->lspd", self._members.astype(float), self._counts[:2])
        return n.reshape(-1, self.days), k.reshape(-1, self.days)

    @property
    def phase_of_series(self) -> np.ndarray:
        return np.tile(np.arange(len(self._phases)), len(self._segments))

    def _place(self, series: int) -> tuple[int, int]:
        return divmod(series, len(self._phases))

    def quiet(self, reach: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Progressed visits of every series had each got on as all of its phase around it do, drawn again and again."""
        # Two reaches, and all cells together: a narrower look would take this shop's chance falls for its nature.
        all_visits, all_progressed = self._counts[:2].sum(axis=1)
        share = np.broadcast_to(local_share(all_visits, all_progressed, 2 * reach), self._counts.shape[1:])
        visits = np.round(self._counts[0]).astype(np.int64)
        some = visits > 0
        visits, share = visits[some], share[some]
        members = self._members.astype(float)
        drawn = np.zeros(some.shape)
        while True:
            drawn[some] = rng.binomial(visits, share)
            yield np.tensordot(members, drawn, 1).reshape(-1, self.days)

    def incident(self, series: int, first: int, last: int, reach: int, p_value: float) -> Incident:
        segment, phase = self._place(series)
        counts = self._counts[:, self._members[segment], phase].sum(axis=1)
        inside = counts[:, first : last + 1].sum(axis=1)
        around = counts[:, max(first - reach, 0) : last + 1 + reach].sum(axis=1) - inside
        normal = around[1] / around[0]
        lost = inside[0] * normal - inside[1]
        return Incident(
            phase=int(self._phases[phase]),
            segment=self._segments[segment],
            first_day=self._first_day + timedelta(days=first),
            last_day=self._first_day + timedelta(days=last),
            is_open=last >= self.days - OPEN_DAYS,
            visits=int(inside[0]),
            progress_share=float(inside[1] / inside[0]),
            normal_share=float(normal),
            lost_progress=float(lost),
            lost_value=float(lost * around[2] / around[1]) if around[1] > 0 else float("nan"),
            p_value=p_value,
        )

    def mend(self, series: int, first: int, last: int, share: float) -> None:
        """Let as many visits get on as in normal days, as if the fall had not been."""
        segment, phase = self._place(series)
        inside = np.ix_(self._members[segment], np.array([phase]), np.arange(first, last + 1))
        self._counts[1][inside] = share * self._counts[0][inside]
