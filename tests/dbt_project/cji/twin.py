"""The scoring of the Customer Journey Index once more, slowly and obviously: from daily sums to index, interval, money.

Written from docs/cji.md in plain Python, one number at a time, to be compared with the SQL. Sums of a day are dicts
with the columns of `int_cji__daily_sums`.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

PARAMETERS = ("time", "pageviews", "visits", "comeback")
SUMS = [f"{parameter}_{part}" for parameter in PARAMETERS for part in ("n", "sum")] + ["margin_cents", "orders_sum"]
NORMAL = statistics.NormalDist()
MIN_CELL, MIN_WINDOWS, MIN_SPREAD, BUCKETS = 30, 6, 0.02, 100

Sums = dict[str, float]


def parameter(name: str, sums: Mapping[str, float]) -> float | None:
    n, total = sums[f"{name}_n"], sums[f"{name}_sum"]
    if n <= 0:
        return None
    if name in ("time", "pageviews"):
        return total / 1e6 / n
    return math.log((total + 0.5) / (n - total + 0.5))


def standard_error(name: str, buckets: Mapping[int, Sums]) -> float | None:
    """Delete one bucket at a time; never below the binomial error of a share."""
    if sum(sums[f"{name}_n"] > 0 for sums in buckets.values()) < 2:
        return None
    whole = total_of(buckets.values())
    full = parameter(name, whole)
    changes = []
    for sums in buckets.values():
        left = parameter(name, {key: whole[key] - sums[key] for key in whole})
        if left is not None and full is not None:
            changes.append(left - full)
    variance = sum(change**2 for change in changes) * (BUCKETS - 1) / BUCKETS
    if name in ("visits", "comeback"):
        k, n = whole[f"{name}_sum"], whole[f"{name}_n"]
        variance = max(variance, 1 / (k + 0.5) + 1 / (n - k + 0.5))
    return math.sqrt(variance)


def total_of(parts: Iterable[Sums]) -> Sums:
    total = dict.fromkeys(SUMS, 0.0)
    for part in parts:
        for key in SUMS:
            total[key] += part[key]
    return total


def spread(values: Sequence[float], errors: Sequence[float]) -> float:
    middle = statistics.median(values)
    total = 1.4826 * statistics.median(abs(value - middle) for value in values)
    noise = statistics.median(error**2 for error in errors)
    return math.sqrt(max(total**2 - noise, 0.1 * total**2, MIN_SPREAD**2))


def shrinkage(s: float, variance: float) -> float:
    return s**2 / (s**2 + variance)


def clip(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def share_of(z: float) -> float:
    return clip(NORMAL.cdf(clip(z, -3, 3)), 0.01, 0.99)


def log_score(z: Mapping[str, float], weights: Mapping[str, float]) -> float:
    weight = sum(weights[name] for name in z)
    return sum(weights[name] * math.log(share_of(z[name])) for name in z) / weight


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def inverse_logit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def money(sums: Mapping[str, float], p75: float) -> float:
    x = parameter("visits", sums)
    assert x is not None
    return max(sums["margin_cents"], 0) / 100 * max(inverse_logit(p75) / inverse_logit(x) - 1, 0)


class Shop:
    """One segment of one phase model.

    Parameters
    ----------
    rows : iterable of mapping
        Daily sums of the segment.
    weights : mapping of phase to mapping
        Weights and directions of the seed.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]], weights: Mapping[int, Mapping[str, float]]) -> None:
        self.rows = list(rows)
        self.weights = weights
        self.first_day: date = min(row["known_on"] for row in self.rows)

    def window(self, last: date, phase: int) -> dict[int, Sums]:
        """Sums per person bucket of the 28 days up to `last`."""
        buckets: dict[int, list[Sums]] = {}
        for row in self.rows:
            if row["phase"] == phase and last - timedelta(days=28) < row["known_on"] <= last:
                buckets.setdefault(row["person_bucket"], []).append({key: float(row[key]) for key in SUMS})
        return {number: total_of(parts) for number, parts in buckets.items()}

    def judged(self, last: date, phase: int) -> dict[str, Any] | None:
        """All there is to say of a phase; None without a visit in the window."""
        buckets = self.window(last, phase)
        if not buckets:
            return None
        sums = total_of(buckets.values())
        weights = {name: float(self.weights[phase][f"{name}_weight"]) for name in PARAMETERS}
        directions = {name: float(self.weights[phase].get(f"{name}_direction", 1)) for name in PARAMETERS}
        history = self.history(last, phase)
        result: dict[str, Any] = {"sums": sums, "log_score": None, "money": None}
        if len(history["visits"]) < MIN_WINDOWS:
            return result
        p75 = quantile([x for x, *_ in history["visits"]], 0.75)
        z: dict[str, float] = {}
        for name in PARAMETERS:
            x, error = parameter(name, sums), standard_error(name, buckets)
            if directions[name] == 0 or weights[name] == 0 or sums[f"{name}_n"] < MIN_CELL:
                continue
            if x is None or error is None or len(history[name]) < MIN_WINDOWS:
                continue
            values, errors, sizes = zip(*history[name], strict=True)
            middle, s = statistics.median(values), spread(values, errors)
            # The noise of a window at the benchmark with as many observations as this one.
            noise = statistics.median(e**2 * n for e, n in zip(errors, sizes, strict=True)) / sums[f"{name}_n"]
            z[name] = directions[name] * (x - middle) / s * shrinkage(s, noise)
        if sums["visits_n"] < MIN_CELL:
            return result
        result["money"] = money(sums, p75)
        if "visits" in z:
            result["z"] = z
            result["log_score"] = log_score(z, weights)
        return result

    def history(self, last: date, phase: int) -> dict[str, list[tuple[float, float, float]]]:
        """Value, error and size of each parameter in the windows that ended on the 49 Sundays up to a window before."""
        sunday = last - timedelta(days=28)
        while sunday.isoweekday() != 7:
            sunday -= timedelta(days=1)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in PARAMETERS}
        for week in range(49):
            end = sunday - timedelta(weeks=week)
            buckets = self.window(end, phase)
            if end - timedelta(days=27) < self.first_day or not buckets:
                continue
            sums = total_of(buckets.values())
            for name in PARAMETERS:
                x, error = parameter(name, sums), standard_error(name, buckets)
                if sums[f"{name}_n"] >= MIN_CELL and x is not None and error is not None:
                    found[name].append((x, error, sums[f"{name}_n"]))
        return found

    def index(self, last: date) -> float | None:
        """Weighted geometric mean of the scores; None with fewer than four."""
        parts = []
        for phase, weights in self.weights.items():
            judged = self.judged(last, phase)
            if judged and judged["log_score"] is not None and weights["phase_weight"] > 0:
                parts.append((float(weights["phase_weight"]), judged["log_score"]))
        if len(parts) < 4:
            return None
        return 100 * math.exp(sum(weight * score for weight, score in parts) / sum(weight for weight, _ in parts))
