"""How a visit shows where it came from: campaign tags, click ids, referrers."""

from __future__ import annotations

import numpy as np

from orchestration.sources.demo.assortment import CHANNEL
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick
from orchestration.sources.demo.mailings import mailing_id
from orchestration.sources.demo.media import CAMPAIGNS, TV_FLIGHTS, MediaPlan
from orchestration.sources.demo.missions import newsletters
from orchestration.sources.demo.story import Story

#: channel -> (source, medium, referrer, weight) of the ways in
_WAYS: dict[str, tuple[tuple[str, str, str, float], ...]] = {
    "direct": (("(direct)", "(none)", "", 1.0),),
    "organic_search": (
        ("google", "organic", "https://www.google.com/", 0.86),
        ("bing", "organic", "https://www.bing.com/", 0.09),
        ("duckduckgo", "organic", "https://duckduckgo.com/", 0.05),
    ),
    "organic_social": (
        ("m.facebook.com", "referral", "https://m.facebook.com/", 0.45),
        ("l.instagram.com", "referral", "https://l.instagram.com/", 0.3),
        ("pinterest.de", "referral", "https://www.pinterest.de/", 0.25),
    ),
    "referral": (
        ("testberichte.example", "referral", "https://www.testberichte.example/haushalt", 0.6),
        ("gartenforum.example", "referral", "https://gartenforum.example/thema/12", 0.4),
    ),
    "email": (("newsletter", "email", "", 1.0),),
    "tv": (("tv", "tv", "", 1.0),),
    "catalog": (("katalog", "print", "", 1.0),),
}
_CAMPAIGN_WAYS = {
    "ps_brand": ("google", "cpc", "https://www.google.com/"),
    "ps_generic": ("google", "cpc", "https://www.google.com/"),
    "ps_shopping": ("bing", "cpc", "https://www.bing.com/"),
    "so_prospecting": ("facebook", "paid_social", "https://m.facebook.com/"),
    "so_retargeting": ("instagram", "paid_social", "https://l.instagram.com/"),
    "so_video": ("tiktok", "paid_social", "https://www.tiktok.com/"),
    "di_prospecting": ("gdn", "display", "https://www.nachrichten.example/"),
    "di_retargeting": ("criteo", "display", "https://www.wetterseite.example/"),
    "af_awin": ("awin", "affiliate", "https://www.preisvergleich.example/"),
    "af_coupon": ("gutscheinportal", "affiliate", "https://www.gutscheinportal.example/"),
}


def acquire(
    seed: int, clock: Clock, story: Story, plan: MediaPlan, visits: Columns, missions: Columns
) -> tuple[np.ndarray, dict[str, list[str]]]:
    """Choose the way in of every visit.

    Returns
    -------
    way : ndarray
        Row of the table per visit.
    table : dict
        channel, source, medium, campaign, referrer: one entry per way; campaign is empty where nothing is tagged.
    """
    rng = generator(seed, "acquisition")
    table: dict[str, list[str]] = {name: [] for name in ("channel", "source", "medium", "campaign", "referrer")}
    channel, count = visits["channel"], length(visits)
    way = np.zeros(count, dtype=np.int64)
    day = clock.day_of(visits["start"])

    def row(channel: str, source: str, medium: str, campaign: str, referrer: str) -> int:
        for name, value in zip(table, (channel, source, medium, campaign, referrer), strict=True):
            table[name].append(value)
        return len(table["channel"]) - 1

    for name in ("direct", "organic_search", "organic_social", "referral"):
        rows = np.array([row(name, s, m, "", r) for s, m, r, _ in _WAYS[name]])
        at = np.flatnonzero(channel == CHANNEL[name])
        way[at] = rows[pick(rng, [w[3] for w in _WAYS[name]], len(at))]
    for name in ("paid_search", "paid_social", "display", "affiliate"):
        campaigns = [c for c in CAMPAIGNS if c[1] == name]
        rows = np.array([row(name, *_CAMPAIGN_WAYS[c[0]][:2], c[0], _CAMPAIGN_WAYS[c[0]][2]) for c in campaigns])
        at = np.flatnonzero(channel == CHANNEL[name])
        way[at] = rows[pick(rng, [c[4] for c in campaigns], len(at))]
    issues = newsletters(clock)
    rows = np.array([row("email", *_WAYS["email"][0][:2], issue.campaign_id, "") for issue in issues])
    at = np.flatnonzero(channel == CHANNEL["email"])
    latest = np.searchsorted([issue.day for issue in issues], day[at], side="right") - 1
    way[at] = rows[np.where(visits["issue"][at] >= 0, visits["issue"][at], np.maximum(latest, 0))]
    rows = np.array([row("tv", *_WAYS["tv"][0][:2], f"tv_flight_{i + 1}", "") for i in range(TV_FLIGHTS)])
    at = np.flatnonzero(channel == CHANNEL["tv"])
    flight = np.maximum.accumulate(plan.tv_flight)
    way[at] = rows[np.maximum(flight[day[at]], 1) - 1]
    rows = np.array([row("catalog", *_WAYS["catalog"][0][:2], mailing_id(i), "") for i in range(len(story.waves))])
    at = np.flatnonzero(channel == CHANNEL["catalog"])
    wave = np.where(visits["mission"][at] >= 0, missions["wave"][visits["mission"][at]], 0)
    way[at] = rows[np.maximum(wave, 0)]
    return way, table
