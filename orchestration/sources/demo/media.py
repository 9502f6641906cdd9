"""What advertising costs and does: spend plans, carry-over, saturation, and the purchases that only it causes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import generator

CHF_EUR = 1.05


@dataclass(frozen=True, slots=True)
class Media:
    """Response of one paid channel: effect x Hill(adstock(spend)).

    Attributes
    ----------
    channel : str
    daily_spend : float
        Typical spend in EUR at the size of the demo shop.
    carry_over : float
        Geometric adstock: share of yesterday's pressure that is left today. Pressure is normalised by
        1 - carry_over, so that constant spend gives a pressure of just that spend.
    half_saturation : float
        Pressure in EUR at which half of the effect is reached.
    slope : float
        Exponent of the Hill curve.
    effect : float
        Shopping missions per day at full saturation that would not have happened without the channel.
    store_effect : float
        Store purchases per day at full saturation, likewise.
    """

    channel: str
    daily_spend: float
    carry_over: float
    half_saturation: float
    slope: float
    effect: float
    store_effect: float = 0.0


MEDIA = (
    Media("paid_search", 22.0, 0.10, 26.0, 1.2, 27.0),
    Media("paid_social", 13.0, 0.30, 18.0, 1.4, 17.0),
    Media("display", 8.0, 0.20, 10.0, 1.1, 7.0),
    Media("tv", 85.0, 0.60, 100.0, 1.5, 10.0, 7.0),
)

#: campaign_id, channel, platform, name, share of the channel's spend
CAMPAIGNS = (
    ("ps_brand", "paid_search", "google_ads", "Marke", 0.18),
    ("ps_generic", "paid_search", "google_ads", "Generisch", 0.42),
    ("ps_shopping", "paid_search", "microsoft_ads", "Shopping", 0.40),
    ("so_prospecting", "paid_social", "meta_ads", "Neukunden", 0.50),
    ("so_retargeting", "paid_social", "meta_ads", "Wiederansprache", 0.30),
    ("so_video", "paid_social", "tiktok_ads", "Video", 0.20),
    ("di_prospecting", "display", "google_display", "Banner Reichweite", 0.55),
    ("di_retargeting", "display", "criteo", "Banner Wiederansprache", 0.45),
    ("af_awin", "affiliate", "awin", "Partnerprogramm", 0.60),
    ("af_coupon", "affiliate", "awin", "Gutscheinseiten", 0.40),
)
TV_FLIGHT_DAYS = 16
TV_FLIGHTS = 9


@dataclass(frozen=True)
class MediaPlan:
    """Spend and response per channel and day; arrays of shape (channels, days) in the order of `MEDIA`."""

    spend: np.ndarray  # EUR
    pressure: np.ndarray
    saturation: np.ndarray  # 0 to 1
    tv_flight: np.ndarray  # number of the flight per day, -1 off air


def adstock(spend: np.ndarray, carry_over: float) -> np.ndarray:
    """Normalised geometric carry-over of daily spend."""
    pressure = np.empty(len(spend))
    left = 0.0
    for i, value in enumerate(spend):
        left = carry_over * left + (1 - carry_over) * value
        pressure[i] = left
    return pressure


def hill(pressure: np.ndarray, half_saturation: float, slope: float) -> np.ndarray:
    return pressure**slope / (pressure**slope + half_saturation**slope)


def make_plan(seed: int, clock: Clock, season: np.ndarray) -> MediaPlan:
    """Plan spend at the scale of the demo shop; search and social also follow the season, as in life."""
    rng = generator(seed, "media")
    days = clock.length
    weeks = np.arange(days) // 7
    flight = np.full(days, -1)
    starts = np.linspace(12, days - 2 * TV_FLIGHT_DAYS, TV_FLIGHTS).astype(int) + rng.integers(-8, 9, TV_FLIGHTS)
    for number, start in enumerate(starts):
        flight[max(start, 0) : start + TV_FLIGHT_DAYS] = number + 1
    spend = np.empty((len(MEDIA), days))
    for i, media in enumerate(MEDIA):
        if media.channel == "tv":
            level = rng.uniform(1.2, 3.4, TV_FLIGHTS + 2)[flight]
            plan = np.where(flight > 0, level, 0.0)
        else:
            week = np.exp(0.55 * rng.standard_normal(weeks[-1] + 1))[weeks]
            pause = (rng.random(weeks[-1] + 1) < 0.07)[weeks]
            plan = week * ~pause * season ** (0.5 if media.channel != "display" else 0.0)
        spend[i] = media.daily_spend * plan * np.exp(0.12 * rng.standard_normal(days))
    pressure = np.stack([adstock(spend[i], media.carry_over) for i, media in enumerate(MEDIA)])
    saturation = np.stack([hill(pressure[i], m.half_saturation, m.slope) for i, m in enumerate(MEDIA)])
    return MediaPlan(spend, pressure, saturation, flight)
