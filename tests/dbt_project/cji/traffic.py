"""Clicks of simulated people and of machines: rows of `stg_web__events`, from which all models of the index can run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

MONDAY = pd.Timestamp("2025-01-06", tz="UTC")
PAGES = np.array(["home", "list", "product", "basket", "checkout", "confirmation"])
#: Chance to see a kind of page at all: the first three of all visits, each other of those that saw the one before it.
SEEN = np.array([0.75, 0.55, 0.6, 0.3, 0.55, 0.65])
#: Mean number of pages of a kind beyond the first, mean and spread of ln(seconds) on each.
MORE_PAGES = np.array([0.3, 1.0, 1.5, 0.4, 2.0, 0.0])
LOG_SECONDS, SPREAD = np.array([2.7, 3.0, 3.4, 3.0, 3.4, 3.0]), 0.9
VISITS_PER_PERSON = 2.0
ALL_VISITORS = [
    {
        "segment_kind": "all", "by_device": False, "by_channel": False, "by_visitor": False,
        "daily_days": 1, "weekly_days": 730, "published_days": 1,
    }
]  # fmt: skip


def people(rng: np.random.Generator, visits: int, weeks: int, drift: float = 0.05) -> pd.DataFrame:
    """Events of `visits` visits a week; odds and dwell times of each week differ by `drift` (logits, logs)."""
    week = np.repeat(np.arange(weeks), visits)
    odds = np.log(SEEN / (1 - SEEN)) + drift * rng.standard_normal((weeks, len(PAGES)))
    seen = rng.random((len(week), len(PAGES))) < 1 / (1 + np.exp(-odds[week]))
    seen[:, 0] |= ~seen[:, :3].any(axis=1)
    seen[:, 2:] = np.logical_and.accumulate(seen[:, 2:], axis=1)
    pages = np.where(seen, 1 + rng.poisson(MORE_PAGES, seen.shape), 0)
    kinds = np.tile(np.arange(len(PAGES)), len(week)).repeat(pages.reshape(-1))
    visit = np.arange(len(week)).repeat(pages.sum(axis=1))
    level = LOG_SECONDS + drift * rng.standard_normal((weeks, len(PAGES)))
    seconds = np.exp(level[week[visit], kinds] + SPREAD * rng.standard_normal(len(kinds)))
    started = (week + rng.random(len(week))) * 7 * 86_400
    person = rng.integers(0, int(len(week) / VISITS_PER_PERSON), len(week))
    return _events("person", person[visit], visit, PAGES[kinds], started[visit], np.minimum(seconds, 1500))


def machines(rng: np.random.Generator, visits: int, weeks: Sequence[int], pace: float = 0.0) -> pd.DataFrame:
    """Visits to 20 product pages of a second each; with a `pace` the seconds vary by that share (normal)."""
    visit = np.arange(visits).repeat(20)
    started = (rng.choice(weeks, visits) + rng.random(visits)) * 7 * 86_400
    seconds = np.maximum(1 + pace * rng.standard_normal(len(visit)), 0.05)
    return _events("machine", visit, visit, np.full(len(visit), "product"), started[visit], seconds)


def _events(
    kind: str, visitor: np.ndarray, visit: np.ndarray, pages: np.ndarray, started: np.ndarray, seconds: np.ndarray
) -> pd.DataFrame:
    """Rows of `stg_web__events`: page after page of each visit, each left after its seconds."""
    frame = pd.DataFrame({"visit": visit, "seconds": seconds})
    after = frame.groupby("visit")["seconds"].cumsum() - frame["seconds"]
    number = pd.Series(range(len(frame)))
    at = pd.Series(MONDAY + pd.to_timedelta((started + after).round(6), unit="s"))
    return pd.DataFrame(
        {
            "event_id": kind + " event " + number.astype(str),
            "visitor_id": kind + " " + pd.Series(visitor).astype(str),
            "occurred_at": at,
            "event_date": at.dt.date,
            "event_name": np.where(pages == "confirmation", "purchase", "page_view"),
            "page_type": pages,
            "is_pageview": True,
            "is_interaction": False,
            "is_bot": False,
            "consent_analytics": True,
            "days_late": 0,
            "delivery_count": 1,
            "device_type": "desktop",
        }
    )
