"""The print catalog: three waves with randomised arms, and the orders that only the catalog caused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.columns import Columns, generator, pick, stack
from orchestration.sources.demo.people import SEGMENTS, People
from orchestration.sources.demo.story import Story

ARMS = ("holdout", "catalog", "catalog_followup")
ARM_SHARES = (0.25, 0.40, 0.35)
UNIT_COST_CENTS = (0, 115, 190)
PAGES = (0, 84, 84)
#: Additional orders per recipient within six weeks, by segment; the follow-up adds its own on top.
CATALOG_LIFT = {"Stammkunde": 0.13, "Gelegenheitskunde": 0.055, "Neukunde": 0.03, "Inaktiv": 0.012}
FOLLOWUP_LIFT = {"Stammkunde": 0.05, "Gelegenheitskunde": 0.006, "Neukunde": 0.004, "Inaktiv": 0.0}
#: Where the additional orders are placed: web, phone, store.
OUTLETS = (0.40, 0.35, 0.25)


@dataclass(frozen=True)
class Mailings:
    """Recipients (and holdout) of all waves, and the additional orders.

    Attributes
    ----------
    recipients : Columns
        wave (0, 1, 2), day, person, arm (index of `ARMS`).
    orders : Columns
        wave, day, person, outlet (0 web, 1 phone, 2 store), is_followup: orders that would not exist without.
    """

    recipients: Columns
    orders: Columns


def mailing_id(wave: int) -> str:
    return f"kat_{wave + 1}"


def make_mailings(seed: int, story: Story, people: People, length: int) -> Mailings:
    """Randomise the arms and draw the additional orders; orders after day `length` never come."""
    rng = generator(seed, "mailings")
    eligible = np.flatnonzero(people.has_marketing_consent)
    catalog = np.array([CATALOG_LIFT[s] for s in SEGMENTS])
    followup = np.array([FOLLOWUP_LIFT[s] for s in SEGMENTS])
    recipients, orders = [], []
    for wave, day in enumerate(story.waves):
        arm = pick(rng, ARM_SHARES, len(eligible))
        full = np.full(len(eligible), wave)
        recipients.append({"wave": full, "day": np.full(len(eligible), day), "person": eligible, "arm": arm})
        segment = people.segment[eligible]
        for is_followup, lift in ((False, catalog[segment] * (arm >= 1)), (True, followup[segment] * (arm == 2))):
            chosen = eligible[rng.random(len(eligible)) < lift]
            delay = np.minimum(2 + rng.exponential(9.0, len(chosen)), 41).astype(int) + 7 * is_followup
            kept = day + delay < length
            orders.append(
                {
                    "wave": np.full(kept.sum(), wave),
                    "day": (day + delay)[kept],
                    "person": chosen[kept],
                    "outlet": pick(rng, OUTLETS, int(kept.sum())),
                    "is_followup": np.full(kept.sum(), is_followup),
                }
            )
    return Mailings(stack(recipients), stack(orders))
