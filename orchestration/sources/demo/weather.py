"""A climate hot enough to show what heat does to sales. It is simulated, and hotter than any in Germany."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.assortment import REGIONS
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import generator

#: Days before the end of the history; the station in the north is silent for that long.
GAP_LOCATION = 2
GAP_DAYS = (150, 141)
HOT_DAYS = 36


@dataclass(frozen=True)
class Weather:
    """Hours of all locations; the arrays of shape (locations, hours) share `instants`."""

    instants: np.ndarray
    days: np.ndarray
    temperature: np.ndarray
    precipitation: np.ndarray
    sunshine: np.ndarray
    wind_kmh: np.ndarray
    humidity: np.ndarray
    daily_maximum: np.ndarray  # (locations, days)
    daily_precipitation: np.ndarray


def shares() -> np.ndarray:
    return np.array([region.share for region in REGIONS])


def _persistent(rng: np.random.Generator, size: int, spread: float, memory: float) -> np.ndarray:
    noise = rng.standard_normal(size) * spread * np.sqrt(1 - memory**2)
    values = np.empty(size)
    values[0] = rng.standard_normal() * spread
    for i in range(1, size):
        values[i] = memory * values[i - 1] + noise[i]
    return values


def make_weather(seed: int, clock: Clock, history: int) -> Weather:
    """Simulate hourly weather; at least `HOT_DAYS` of the first `history` days exceed 40 degrees on average.

    Parameters
    ----------
    seed : int
    clock : Clock
    history : int
        Days that count for the number of hot days.
    """
    rng = generator(seed, "weather")
    count, days = len(REGIONS), clock.length
    season = -np.cos(2 * np.pi * (clock.year_share - 0.055))
    shared = _persistent(rng, days, 3.4, 0.72)
    own = np.stack([_persistent(rng, days, 1.0, 0.6) + region.warmer for region in REGIONS])
    peak = 37.5
    while True:
        maximum = np.round(2.0 + (peak - 2.0) * (season + 1) / 2 + shared + own, 1)
        if history < 300 or ((shares() @ maximum)[:history] > 40).sum() >= HOT_DAYS:
            break
        peak += 0.5

    is_wet = rng.random((count, days)) < np.where(maximum > 35, 0.12, 0.34)
    amount = np.where(is_wet, rng.gamma(1.1, 5.0, (count, days)), 0.0)
    instants = np.arange(clock.midnights[0], clock.midnights[-1], 3600)
    day = clock.day_of(instants)
    hour = (clock.local(instants) % 86400) / 3600
    spread = rng.uniform(7, 13, (count, days))
    temperature = np.round(
        (maximum - spread / 2)[:, day] + spread[:, day] / 2 * np.cos(2 * np.pi * (hour - 15) / 24), 1
    )

    falls = rng.random((count, len(instants))) ** 6
    total = np.add.reduceat(falls, np.searchsorted(day, np.arange(days)), axis=1)
    precipitation = np.round(amount[:, day] * falls / total[:, day], 1)
    daylight = np.clip(np.cos(np.pi * (hour - 13) / 15), 0, None) > 0.15
    cloud = np.clip(0.25 + 0.5 * is_wet + rng.normal(0, 0.2, (count, days)), 0, 1)
    sunshine = np.round(60 * daylight * (1 - cloud[:, day]) * rng.uniform(0.8, 1.0, (count, len(instants))))
    wind = np.round(np.clip(11 + 5 * rng.standard_normal((count, days)), 1, None)[:, day] * rng.uniform(0.6, 1.4), 1)
    humidity = np.round(np.clip(82 - 0.9 * (temperature - 8) + 12 * is_wet[:, day], 18, 100))
    starts = np.searchsorted(day, np.arange(days))
    return Weather(
        instants,
        day,
        temperature,
        precipitation,
        sunshine,
        wind,
        humidity,
        np.maximum.reduceat(temperature, starts, axis=1),
        np.round(np.add.reduceat(precipitation, starts, axis=1), 1),
    )
