"""Who buys: persons with their home, habits, devices and consents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.assortment import BRANDS, REGIONS
from orchestration.sources.demo.columns import generator, pick, within
from orchestration.sources.demo.sizes import Size

CUSTOMERS = 9000
PROSPECTS = 21000
MAX_DEVICES = 3
#: Terminals in stores at which customers sign in; their device numbers follow those of the people.
KIOSKS = 3
DEVICE_TYPES = ("desktop", "mobile", "tablet")
#: Price image, and with it search behaviour, coupons and brands.
TASTES = ("neutral", "brand_loyal", "price_sensitive")
SEGMENTS = ("Stammkunde", "Gelegenheitskunde", "Neukunde", "Inaktiv")
FIRST_NAMES = ("Anna", "Jürgen", "Käthe", "Mehmet", "Sören", "Zoë", "Björn", "Ümit", "Lena", "Paul", "Ida", "Jörg")
LAST_NAMES = ("Müller", "Schäfer", "Groß", "Yildiz", "Weiß", "Krüger", "Höfer", "Schmidt", "Vogel")


@dataclass(frozen=True)
class People:
    """All arrays have one entry per person; `devices` has one row per person."""

    region: np.ndarray
    postal: np.ndarray  # index into the region's postal codes
    taste: np.ndarray
    brand: np.ndarray
    activity: np.ndarray
    is_customer: np.ndarray  # before day 0
    segment: np.ndarray  # of customers before day 0
    has_consent: np.ndarray
    has_marketing_consent: np.ndarray
    gets_newsletter: np.ndarray
    has_card: np.ndarray
    has_phone: np.ndarray
    account: np.ndarray  # index of the company bought for, -1 for private persons
    devices: np.ndarray  # (persons, MAX_DEVICES), -1 where there is none
    device_type: np.ndarray  # per device
    device_life_days: np.ndarray  # per device: its cookie is lost that often
    is_shared_device: np.ndarray  # per device

    @property
    def count(self) -> int:
        return len(self.region)


def make_people(seed: int, size: Size) -> People:
    """Draw the persons; customers come first."""
    rng = generator(seed, "people")
    customers = round(CUSTOMERS * size.people)
    count = customers + round(PROSPECTS * size.people)
    is_customer = np.arange(count) < customers
    region = pick(rng, [r.share for r in REGIONS], count)
    postal = rng.integers(np.array([len(r.postal_codes) for r in REGIONS])[region])
    activity = rng.gamma(1.3, 1.0, count) + 0.03
    segment = np.full(count, 2)
    ranks = np.argsort(np.argsort(activity[:customers])) / max(customers, 1)
    segment[:customers] = np.select([ranks > 0.78, ranks > 0.42, ranks > 0.27], [0, 1, 2], 3)
    has_consent = rng.random(count) < 0.88
    has_marketing_consent = (rng.random(count) < 0.75) & is_customer
    is_b2b = (rng.random(count) < 0.02) & is_customer
    account = np.where(is_b2b, rng.integers(max(customers // 120, 1), size=count), -1)

    device_count = 1 + pick(rng, [0.46, 0.39, 0.15], count)
    first_type = pick(rng, [0.42, 0.53, 0.05], count)
    owner = np.repeat(np.arange(count), device_count)
    slot = within(owner)
    other = np.where(first_type[owner] == 1, pick(rng, [0.8, 0.0, 0.2], len(owner)), 1)
    device_type = np.where(slot == 0, first_type[owner], np.where(slot == 1, other, 2))
    devices = np.full((count, MAX_DEVICES), -1)
    devices[owner, slot] = np.arange(len(owner))
    life = np.where(rng.random(len(owner)) < 0.1, rng.integers(25, 120, len(owner)), 10_000)
    # A second person of the household uses the first one's main device, and each signs in with an own account.
    is_shared = np.zeros(len(owner), dtype=bool)
    pairs = max(customers // 150, 2)
    members = rng.choice(customers, 2 * pairs, replace=False)
    devices[members[pairs:], 1] = devices[members[:pairs], 0]
    is_shared[devices[members[:pairs], 0]] = True
    return People(
        region=region,
        postal=postal,
        taste=pick(rng, [0.55, 0.2, 0.25], count),
        brand=rng.integers(len(BRANDS), size=count),
        activity=activity,
        is_customer=is_customer,
        segment=segment,
        has_consent=has_consent,
        has_marketing_consent=has_marketing_consent,
        gets_newsletter=has_marketing_consent & (rng.random(count) < 0.55),
        has_card=is_customer & (rng.random(count) < 0.62),
        has_phone=rng.random(count) < 0.35,
        account=account,
        devices=devices,
        device_type=device_type,
        device_life_days=life,
        is_shared_device=is_shared,
    )
