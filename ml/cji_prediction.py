"""Does the index say what comes next? Its value for the conversion of the next window, against plain persistence.

value = predictive_value(
    frame, day="snapshot_date", segment="segment", index="cji", visits="visits", orders="orders",
    rng=numpy.random.default_rng(7),
)
value.verdict   # predictive, descriptive or not enough data
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from ml.validation import numbers, require_columns

#: Days from a window to the next that shares no day with it.
HORIZON = 28
YEAR = 365.25
#: Days with a known outcome before the first prediction, and days that must be predicted before anything is claimed.
MIN_TRAINED_DAYS = 4
MIN_JUDGED_DAYS = 12
#: Neighbouring windows share three of four weeks: they are drawn in blocks of two windows.
BLOCK_DAYS = 8
REPLICATES = 1000
RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class PredictiveValue:
    """How well conversion is predicted with the index and without.

    Attributes
    ----------
    rows, judged_days : int
        Predictions made, each from what was known on its day, and days they were made on.
    error_persistence : float
        Mean squared error, in logits weighted by information, of "as in this window".
    error_without, error_with : float
        That of the regression on conversion, season and segment, without and with the index.
    gain, gain_low, gain_high : float
        Share of the error of the better of the two rivals that the index takes away, with its 95 % interval.
    coefficient : float
        Logits per ten points of the index in the last fit; NaN if there was none.
    verdict : str
        `predictive` (the interval of the gain lies above 0), `descriptive` or `not enough data`.
    """

    rows: int
    judged_days: int
    error_persistence: float
    error_without: float
    error_with: float
    gain: float
    gain_low: float
    gain_high: float
    coefficient: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row."""
        return pd.DataFrame([asdict(self)])


def predictive_value(
    frame: pd.DataFrame,
    *,
    day: str,
    segment: str,
    index: str,
    visits: str,
    orders: str,
    rng: np.random.Generator | None = None,
) -> PredictiveValue:
    """Judge the index by what it adds to the prediction of the next window, out of sample.

    Parameters
    ----------
    frame : DataFrame
        One row per day and segment: the index (rows without one are passed over) and the visits and orders of the
        window that ends on the day.
    rng : numpy.random.Generator, optional
        For the interval (default seed 0).

    Raises
    ------
    ValueError
        If a column is missing or not numeric, or orders exceed visits.

    Notes
    -----
    Every day is predicted by a ridge regression, learnt from what was known by then, of the change of logit(conversion)
    to 28 days later on logit(conversion) now, the segment, one yearly wave (once a year is known: before, it would be
    taken for a trend), and with or without the index. The interval draws blocks of eight neighbouring days anew, since
    their windows overlap.
    """
    require_columns(frame, [day, segment, index, visits, orders], "frame")
    n = numbers(frame, visits, "frame", minimum=0)
    k = numbers(frame, orders, "frame", minimum=0)
    if wrong := int((k > n).sum()):
        raise ValueError(f"frame.{orders}: {wrong} of {len(frame)} rows exceed frame.{visits}")
    known = pd.DataFrame(
        {
            "day": pd.to_datetime(frame[day]),
            "segment": frame[segment].astype(str),
            "index": numbers(frame, index, "frame", allow_missing=True) / 10,
            "now": np.log((k + 0.5) / (n - k + 0.5)),
            "information": 1 / (1 / (k + 0.5) + 1 / (n - k + 0.5)),
        }
    )
    later = known[["day", "segment", "now", "information"]].assign(day=known["day"] - pd.Timedelta(days=HORIZON))
    pairs = known.drop(columns="information").merge(later.rename(columns={"now": "next"}), on=["day", "segment"])
    pairs = pairs.dropna(subset=["index"]).sort_values(["day", "segment"], ignore_index=True)
    errors, coefficient = _predicted(pairs)
    return _judged(errors, coefficient, rng or np.random.default_rng(0))


def _predicted(pairs: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Squared errors of the three predictions for every day that has enough known outcomes before it."""
    parts, coefficient = [], float("nan")
    days = pd.DatetimeIndex(pairs["day"])
    for day in days.unique():
        past, now = pairs[days <= day - pd.Timedelta(days=HORIZON)], pairs[days == day]
        if past["day"].nunique() < MIN_TRAINED_DAYS:
            continue
        change, information = (past["next"] - past["now"]).to_numpy(), past["information"].to_numpy()
        moved = (now["next"] - now["now"]).to_numpy()
        row = {"day": day, "information": now["information"].to_numpy(), "persistence": moved**2}
        for name, with_index in (("without", False), ("with", True)):
            weights = _ridge(_design(past, past, with_index), change, information)
            row[name] = (_design(now, past, with_index) @ weights - moved) ** 2
        coefficient = float(weights[-1] / max(past["index"].std(ddof=0), 1e-9))
        parts.append(pd.DataFrame(row))
    columns = ["day", "information", "persistence", "without", "with"]
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)), coefficient


def _design(rows: pd.DataFrame, past: pd.DataFrame, with_index: bool) -> np.ndarray:
    """Intercept, conversion, segments, season and, last, the index; scaled as the past was."""
    columns = [np.ones(len(rows)), _scaled(rows["now"], past["now"])]
    columns += [(rows["segment"] == name).to_numpy(dtype=float) for name in sorted(past["segment"].unique())]
    if past["day"].max() - past["day"].min() >= pd.Timedelta(days=YEAR):
        turn = 2 * np.pi * rows["day"].dt.dayofyear.to_numpy() / YEAR
        columns += [np.sin(turn), np.cos(turn)]
    if with_index:
        columns.append(_scaled(rows["index"], past["index"]))
    return np.column_stack(columns)


def _scaled(values: pd.Series, past: pd.Series) -> np.ndarray:
    scaled: np.ndarray = ((values - past.mean()) / max(past.std(ddof=0), 1e-9)).to_numpy()
    return scaled


def _ridge(x: np.ndarray, y: np.ndarray, information: np.ndarray) -> np.ndarray:
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 0.0  # the level is not drawn to 0
    weight = information / information.mean()
    solution: np.ndarray = np.linalg.solve((x.T * weight) @ x + penalty, (x.T * weight) @ y)
    return solution


def _judged(errors: pd.DataFrame, coefficient: float, rng: np.random.Generator) -> PredictiveValue:
    if errors.empty:
        unknown = float("nan")
        return PredictiveValue(0, 0, unknown, unknown, unknown, unknown, unknown, unknown, unknown, "not enough data")
    weighted = errors[["persistence", "without", "with"]].mul(errors["information"], axis=0)
    by_day = weighted.groupby(errors["day"]).sum().to_numpy(dtype=float)
    totals, information = by_day.sum(axis=0), errors["information"].sum()
    rival = int(np.argmin(totals[:2]))
    days = len(by_day)
    blocks = -(-days // BLOCK_DAYS)
    starts = rng.integers(0, days, (REPLICATES, blocks, 1))
    drawn = ((starts + np.arange(BLOCK_DAYS)) % days).reshape(REPLICATES, -1)[:, :days]
    sums = by_day[drawn].sum(axis=1)
    # The better rival of each draw: the index has to beat both.
    low, high = np.quantile(1 - sums[:, 2] / sums[:, :2].min(axis=1), (0.025, 0.975))
    verdict = "not enough data" if days < MIN_JUDGED_DAYS else "predictive" if low > 0 else "descriptive"
    return PredictiveValue(
        rows=len(errors),
        judged_days=days,
        error_persistence=float(totals[0] / information),
        error_without=float(totals[1] / information),
        error_with=float(totals[2] / information),
        gain=float(1 - totals[2] / totals[rival]),
        gain_low=float(low),
        gain_high=float(high),
        coefficient=coefficient,
        verdict=verdict,
    )
