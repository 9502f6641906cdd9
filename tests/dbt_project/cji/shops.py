"""Large simulated shops as the sums the index starts from, drawn per person bucket: 50 shops of 20,000 visits a window.

A shop is a device type, so that one pass of the real SQL judges all of them. Drawing a bucket's sum instead of its
visits is exact in the mean and keeps what one person's visits have in common as extra variance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from tests.dbt_project.runner import run_models

FIRST_SUNDAY = date(2025, 1, 5)
WEEKS = 52
BUCKETS = 100
#: Of all visits, those that enter each phase of journey6; of these, those that get on and that come back.
ENTERED = np.array([1.0, 0.6, 0.55, 0.22, 0.12, 0.05])
PROGRESS = np.array([0.65, 0.7, 0.35, 0.5, 0.6, 0.25])
COMEBACK = np.array([0.12, 0.15, 0.2, 0.3, 0.3, 0.2])
#: Mean and spread of ln(seconds) and ln(pages), and the share of the variance that one person's visits have in common.
LOG_SECONDS = np.array([3.2, 3.8, 4.2, 3.5, 4.4, 0.0])
LOG_PAGES = np.array([0.5, 1.0, 1.1, 0.4, 0.9, 0.0])
SPREADS = {"time": 1.1, "pageviews": 0.6}
SHARED = 0.2
VISITS_PER_PERSON = 2.0
SEGMENTS = [
    {
        "segment_kind": "device", "by_device": True, "by_channel": False, "by_visitor": False,
        "daily_days": 1, "weekly_days": 730, "published_days": 1,
    }
]  # fmt: skip


@dataclass(frozen=True)
class Shops:
    """Weekly sums of some shops and the parameters they were drawn from.

    Attributes
    ----------
    daily_sums : DataFrame
        Rows of `int_cji__daily_sums`, a week on its Sunday.
    truth : dict of str to ndarray of shape (n_shops, n_weeks, 6)
        Expected value of each parameter in each week: means of logs, and shares.
    """

    daily_sums: pd.DataFrame
    truth: dict[str, np.ndarray]

    @property
    def frames(self) -> dict[str, Any]:
        last = self.daily_sums["known_on"].max()
        calendar = [{"first_date": self.daily_sums["known_on"].min(), "as_of_date": last}]
        return {
            "int_cji__daily_sums": self.daily_sums,
            "int_calendar__as_of": calendar,
            "cji_segment_kinds": SEGMENTS,
            "rpt_traffic_quality_daily": [],
        }

    def window_truth(self, parameter: str, weeks: int = 4) -> np.ndarray:
        """Expected parameter over the last weeks, on the scale of the index, shape (n_shops, 6)."""
        mean: np.ndarray = self.truth[parameter][:, -weeks:].mean(axis=1)
        return mean if parameter in SPREADS else logit(mean)


def unshrunk_index(int_cji__parameters: pd.DataFrame, int_cji__benchmarks: pd.DataFrame) -> pd.Series:
    """The index as if all were known without noise, by segment: what shrinkage makes of it left out."""
    parameters = ("time", "pageviews", "visits", "comeback")
    sure = int_cji__parameters.assign(**{f"{name}_se": 1e-9 for name in parameters})
    known = int_cji__benchmarks.assign(**{f"{name}_unit_noise": 0.0 for name in parameters})
    frames: dict[str, Any] = {"int_cji__parameters": sure, "int_cji__benchmarks": known}
    scores = run_models(["int_cji__phase_scores"], **frames)["int_cji__phase_scores"]
    index: pd.Series = 100 * np.exp(scores.groupby("segment")["log_score"].mean())
    return index


def logit(share: np.ndarray) -> np.ndarray:
    return np.log(share / (1 - share))


def shops(
    rng: np.random.Generator,
    count: int,
    visits: int,
    *,
    weeks: int = WEEKS,
    drift: float = 0.05,
    planted: Mapping[str, Sequence[float]] | None = None,
    spread_of_now: float = 0.0,
    spread_of_shops: float = 0.0,
    is_steady_now: bool = False,
) -> Shops:
    """Draw shops of `visits` visits a window of four weeks.

    Parameters
    ----------
    drift : float
        Standard deviation of the parameters between weeks (logits, logs).
    planted : mapping, optional
        Parameter -> change in each of the six phases during the last four weeks (logits, logs).
    spread_of_now : float
        Standard deviation by which the last four weeks stand beside the benchmark.
    spread_of_shops : float
        Standard deviation of the parameters between shops in all weeks before; the last four are like the middle shop.
    is_steady_now : bool
        Whether the last four weeks do not drift.
    """
    shape = (count, weeks, 6)
    entered = rng.poisson(visits / 4 * ENTERED / BUCKETS, (*shape[:2], BUCKETS, 6)).swapaxes(2, 3)
    now = np.arange(weeks) >= weeks - 4
    truth, sums = {}, {"visits_n": entered}
    bases = {"visits": logit(PROGRESS), "comeback": logit(COMEBACK), "time": LOG_SECONDS, "pageviews": LOG_PAGES}
    for parameter, base in bases.items():
        level = base + drift * rng.standard_normal(shape) * ~(is_steady_now & now[None, :, None])
        level += spread_of_shops * rng.standard_normal((count, 1, 6)) * ~now[None, :, None]
        level += np.asarray((planted or {}).get(parameter, np.zeros(6))) * now[None, :, None]
        level += spread_of_now * rng.standard_normal((count, 1, 6)) * now[None, :, None]
        if parameter in SPREADS:
            truth[parameter] = level
            mean, variance = truth[parameter][..., None], SPREADS[parameter] ** 2 * (1 + SHARED)
            drawn = entered * mean + np.sqrt(entered * variance) * rng.standard_normal(entered.shape)
            sums |= {f"{parameter}_n": entered, f"{parameter}_sum": np.round(drawn * 1e6)}
            continue
        truth[parameter] = 1 / (1 + np.exp(-level))
        n = entered if parameter == "visits" else rng.binomial(entered, 0.5)
        sums |= {f"{parameter}_n": n, f"{parameter}_sum": _successes(rng, n, truth[parameter][..., None])}
    sums |= {"orders_sum": sums["visits_sum"] // 4, "margin_cents": sums["visits_sum"] // 4 * 2000}
    index = np.indices(entered.shape).reshape(4, -1)
    frame = pd.DataFrame({name: values.reshape(-1).astype("int64") for name, values in sums.items()})
    frame["known_on"] = np.array([FIRST_SUNDAY + timedelta(weeks=week) for week in range(weeks)])[index[1]]
    frame["device_type"] = np.array([f"shop {number:03}" for number in range(count)])[index[0]]
    frame["phase"], frame["person_bucket"] = index[2] + 1, index[3]
    frame = frame.assign(phase_model="journey6", channel="direct", visitor_type="new")
    for column in ("seconds_sum", "imputed_seconds_sum", "tab_n", "tab_sum"):
        frame[column] = 0
    return Shops(frame[frame["visits_n"] > 0], truth)


def _successes(rng: np.random.Generator, n: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Beta-binomial counts: visits of a person succeed or fail alike more often than chance would have it."""
    alike = np.clip(SHARED * (VISITS_PER_PERSON - 1) / np.maximum(n - 1, 1), 1e-9, 0.5)
    strength = 1 / alike - 1
    lucky = rng.beta(np.broadcast_to(share, n.shape) * strength, (1 - share) * strength)
    return rng.binomial(n, np.where(n > 1, lucky, np.broadcast_to(share, n.shape)))
