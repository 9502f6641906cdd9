"""Shopping missions: a need of one person, its visits over days, and what set it off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.assortment import CHANNEL, CHANNELS
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, pick, pick_rows, stack, take, within
from orchestration.sources.demo.media import MEDIA, MediaPlan
from orchestration.sources.demo.people import KIOSKS, People
from orchestration.sources.demo.sizes import Size

BASELINE_MISSIONS = 33.0
#: `cause` of what no advertising caused.
BASELINE = -1
WEB_WEEKDAYS = np.array([1.05, 1.0, 1.0, 0.98, 0.93, 0.9, 1.14])
STORE_WEEKDAYS = np.array([0.85, 0.86, 0.9, 0.97, 1.12, 1.4, 0.0])
#: Hours of the day at which visits begin.
HOURS = np.array([2, 1, 0.5, 0.4, 0.4, 1, 2, 4, 5, 6, 6.5, 7, 7.5, 7, 6.5, 6.5, 7, 8, 9, 10, 10.5, 9, 6.5, 4])

_START = {"direct": 0.31, "organic_search": 0.33, "paid_search": 0.10, "referral": 0.06, "organic_social": 0.05}
_START |= {"affiliate": 0.06, "paid_social": 0.04, "display": 0.02, "email": 0.03}
_NEXT = {"direct": 0.38, "organic_search": 0.2, "paid_search": 0.13, "email": 0.09, "display": 0.06, "affiliate": 0.06}
_NEXT |= {"paid_social": 0.03, "referral": 0.03, "organic_social": 0.02}


@dataclass(frozen=True, slots=True)
class Issue:
    """One newsletter."""

    day: int
    campaign_id: str


def season(clock: Clock) -> np.ndarray:
    """Demand against the average: Christmas, Black Friday, a quiet February and summer."""
    share = clock.year_share
    christmas = np.exp(-(((share - 0.952) / 0.035) ** 2)) * 0.85
    friday = np.exp(-(((share - 0.905) / 0.006) ** 2)) * 0.7
    summer = -0.12 * np.exp(-(((share - 0.58) / 0.09) ** 2))
    after = -0.15 * np.exp(-(((share - 0.1) / 0.06) ** 2)) - 0.5 * ((share > 0.984) | (share < 0.004))
    return 0.97 + christmas + friday + summer + after


def newsletters(clock: Clock) -> list[Issue]:
    """Every second Thursday."""
    issues = []
    for day in np.flatnonzero(clock.weekdays == 3)[::2]:
        year, week, _ = clock.date(day).isocalendar()
        issues.append(Issue(int(day), f"nl_{year}w{week:02d}"))
    return issues


def times_of_day(rng: np.random.Generator, size: int) -> np.ndarray:
    return pick(rng, HOURS, size) * 3600.0 + rng.random(size) * 3600.0


def _daily(rng: np.random.Generator, rate: np.ndarray) -> np.ndarray:
    """Days of Poisson events with the given daily rates."""
    return np.repeat(np.arange(len(rate)), rng.poisson(rate))


def _weights(shares: dict[str, float]) -> np.ndarray:
    return np.array([shares.get(name, 0.0) for name in CHANNELS])


def make_missions(
    seed: int, size: Size, clock: Clock, people: People, plan: MediaPlan, catalog_orders: Columns
) -> Columns:
    """Draw all missions with web visits; those that a catalog caused end in an order.

    Returns
    -------
    Columns
        day, person, cause (index of the channel that caused it, `BASELINE` otherwise), channel (of the first visit),
        issue (index of the newsletter clicked, -1), wave (of the catalog that caused it, -1).
    """
    rng = generator(seed, "missions")
    demand = season(clock) * WEB_WEEKDAYS[clock.weekdays] * np.linspace(0.94, 1.06, clock.length)
    everyone = people.activity * np.where(people.is_customer, 1.7, 1.0)
    new = people.activity * np.where(people.is_customer, 0.6, 1.0)
    parts = []

    def add(
        day: np.ndarray, person: np.ndarray, cause: int, channel: np.ndarray, issue: int = -1, wave: object = -1
    ) -> None:
        same = {"cause": cause, "issue": issue, "wave": wave}
        parts.append(
            {"day": day, "person": person, "channel": channel}
            | {name: np.broadcast_to(np.asarray(value), len(day)) for name, value in same.items()}
        )

    day = _daily(rng, BASELINE_MISSIONS * size.web * demand)
    add(day, pick(rng, everyone, len(day)), BASELINE, pick(rng, _weights(_START), len(day)))
    for i, media in enumerate(MEDIA):
        day = _daily(rng, media.effect * size.web * plan.saturation[i])
        if media.channel == "tv":
            first = pick(rng, _weights({"direct": 0.5, "organic_search": 0.38, "tv": 0.12}), len(day))
        else:
            first = np.full(len(day), CHANNEL[media.channel])
        add(day, pick(rng, new, len(day)), CHANNEL[media.channel], first)
    readers = np.flatnonzero(people.gets_newsletter)
    for number, issue in enumerate(newsletters(clock)):
        clicked = readers[rng.random(len(readers)) < np.clip(0.03 * people.activity[readers] ** 0.5, 0, 0.3)]
        day = np.minimum(issue.day + pick(rng, [0.7, 0.2, 0.1], len(clicked)), clock.length - 1)
        add(day, clicked, CHANNEL["email"], np.full(len(clicked), CHANNEL["email"]), number)
    online = take(catalog_orders, np.flatnonzero(catalog_orders["outlet"] == 0))
    first = pick(rng, _weights({"catalog": 0.35, "direct": 0.45, "organic_search": 0.2}), length(online))
    add(online["day"], online["person"], CHANNEL["catalog"], first, wave=online["wave"])
    return stack(parts)


def make_visits(seed: int, clock: Clock, people: People, missions: Columns) -> Columns:
    """Spread each mission over one to eight visits.

    Returns
    -------
    Columns
        start (UTC seconds), person, mission, number (0 = first visit of the mission), channel, issue; sorted by
        mission and start. Visits after the last simulated day are left out.
    """
    rng = generator(seed, "visits")
    count = np.minimum(rng.geometric(0.62, length(missions)), 8)
    mission = np.repeat(np.arange(length(missions)), count)
    number = within(mission)
    person = missions["person"][mission]
    gap = np.where(number == 0, 0, rng.geometric(0.33, len(mission)) - 1)
    sums = np.cumsum(gap)
    starts = np.flatnonzero(number == 0)
    day = missions["day"][mission] + sums - np.repeat(sums[starts], count)
    follow = pick(rng, _weights(_NEXT), len(mission))
    follow = np.where((follow == CHANNEL["email"]) & ~people.gets_newsletter[person], CHANNEL["direct"], follow)
    channel = np.where(number == 0, missions["channel"][mission], follow)
    seconds = times_of_day(rng, len(mission))
    kept = day < clock.length
    visits: Columns = {
        "start": clock.instant(np.where(kept, day, 0), seconds).astype(np.float64),
        "person": person,
        "mission": mission,
        "channel": channel,
        "issue": np.where(number == 0, missions["issue"][mission], -1),
    }
    visits = take(visits, np.flatnonzero(kept))
    visits = take(visits, np.lexsort((visits["start"], visits["mission"])))
    # Two visits of one day may have swapped places: the first one carries the channel that set the mission off.
    visits["number"] = within(visits["mission"])
    first = visits["number"] == 0
    visits["channel"] = np.where(first, missions["channel"][visits["mission"]], visits["channel"])
    visits["issue"] = np.where(first, missions["issue"][visits["mission"]], -1)
    return visits


def choose_devices(seed: int, clock: Clock, people: People, visits: Columns) -> Columns:
    """Device and cookie of every visit.

    Returns
    -------
    Columns
        device (index, kiosks behind the people's own), device_type, cookie (index of the visitor id).
    """
    rng = generator(seed, "devices")
    person, count = visits["person"], length(visits)
    weights = np.where(people.devices >= 0, np.array([1.0, 0.65, 0.35]), 0.0)
    device = people.devices[person, pick_rows(rng, weights, person)]
    kiosk = (rng.random(count) < 0.004) & people.is_customer[person] & people.has_consent[person]
    device_type = np.where(kiosk, 0, people.device_type[device])
    device = np.where(kiosk, len(people.device_type) + rng.integers(KIOSKS, size=count), device)
    life = np.r_[people.device_life_days, np.full(KIOSKS, 10_000)][device]
    epoch = (clock.day_of(visits["start"]) + device % 17) // life
    # Without consent nothing is kept on the device, so that every visit looks like somebody new.
    has_consent = people.has_consent[person]
    own = np.where(has_consent, device * 64 + np.minimum(epoch, 63), -1 - np.arange(count))
    _, cookie = np.unique(own, return_inverse=True)
    return {"device": device, "device_type": device_type, "cookie": cookie, "has_consent": has_consent, "kiosk": kiosk}
