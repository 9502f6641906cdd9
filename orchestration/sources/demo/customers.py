"""Customer numbers and the identifiers that link people to them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, take
from orchestration.sources.demo.demand import PHONE
from orchestration.sources.demo.people import FIRST_NAMES, LAST_NAMES, People
from orchestration.sources.demo.sales import Sales

#: What the call centre types in when it does not know the customer.
PLACEHOLDERS = ("0", "unknown", "")
MAILBOX = "bestellung@callcenter.example"


@dataclass(frozen=True)
class Customers:
    """Customer records and who they belong to.

    Attributes
    ----------
    records : Columns
        key, person, first_order (UTC seconds), day (of the first delivery), is_guest.
    order_key : ndarray of str
        Customer number on each order, a placeholder or empty where nobody is known.
    account_key : ndarray of str
        Number of each person's account, empty where there is none.
    links : Columns
        type, value, key, seen (UTC seconds): sorted by time.
    """

    records: Columns
    order_key: np.ndarray
    account_key: np.ndarray
    links: Columns


def first_name(person: int) -> str:
    return FIRST_NAMES[person % len(FIRST_NAMES)]


def last_name(person: int) -> str:
    return LAST_NAMES[person // 7 % len(LAST_NAMES)]


def email(person: int) -> str:
    name = f"{first_name(person)}.{last_name(person)}".lower()
    for umlaut, plain in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.replace(umlaut, plain)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"{plain}{person}@post{person % 5}.example"


def phone(person: int) -> str:
    return f"+49 151 {20_000_000 + person}"


def make_customers(
    seed: int,
    clock: Clock,
    people: People,
    sales: Sales,
    visits: Columns,
    signed_in: np.ndarray,
    visitor_ids: np.ndarray,
) -> Customers:
    """Give out customer numbers by first order and collect the identity links.

    Parameters
    ----------
    signed_in : ndarray
        UTC seconds per visit from which the person is known, infinite where not.
    visitor_ids : ndarray of str
        Per cookie.
    """
    rng = generator(seed, "customers")
    orders, count = sales.orders, length(sales.orders)
    person, is_guest = orders["person"], orders["is_guest"]
    existing = int(people.is_customer.sum())
    account_key = np.full(people.count, "", dtype=object)
    account_key[:existing] = [str(100_001 + i) for i in range(existing)]

    knows = np.flatnonzero((person >= existing) & ~is_guest & ~orders["is_test"])
    new, at = np.unique(person[knows], return_index=True)
    new, at = new[np.argsort(at)], knows[np.sort(at)]
    account_key[new] = [str(300_001 + i) for i in range(len(new))]
    guests = np.flatnonzero(is_guest)
    guest_keys = np.array([str(900_001 + i) for i in range(len(guests))], dtype=object)

    order_key = np.where(person >= 0, account_key[person], "")
    order_key[guests] = guest_keys
    nameless = np.flatnonzero((person < 0) & (orders["channel"] == PHONE))
    order_key[nameless] = np.array(PLACEHOLDERS, dtype=object)[rng.integers(3, size=len(nameless))]
    order_key[orders["is_test"]] = "TEST"

    before = clock.midnights[0] - rng.integers(20 * 86400, 1500 * 86400, existing)
    records: Columns = {
        "key": np.concatenate([account_key[:existing], account_key[new], guest_keys]),
        "person": np.concatenate([np.arange(existing), new, person[guests]]),
        "first_order": np.concatenate([before, orders["time"][at], orders["time"][guests]]),
        "day": np.concatenate([np.zeros(existing, int), orders["day_known"][at], orders["day_known"][guests]]),
        "is_guest": np.arange(existing + len(new) + len(guests)) >= existing + len(new),
    }
    seen = np.maximum(records["first_order"], clock.midnights[0] + 60)
    types, values, keys, times = [], [], [], []

    def add(kind: str, value: list[str], key: np.ndarray, at: np.ndarray) -> None:
        types.append(np.full(len(key), kind, dtype=object))
        values.append(np.array(value, dtype=object))
        keys.append(key)
        times.append(at.astype(np.int64))

    mail = [email(p) for p in records["person"].tolist()]
    # Guests type their address anew, with capitals and a blank that crept in.
    mail = [f" {m.capitalize()}" if g else m for m, g in zip(mail, records["is_guest"].tolist(), strict=True)]
    add("email", mail, records["key"], seen)
    cards = np.flatnonzero(people.has_card[records["person"]] & ~records["is_guest"])
    add("card", [f"LH{70_000_000 + p}" for p in records["person"][cards].tolist()], records["key"][cards], seen[cards])
    phones = np.flatnonzero(people.has_phone[records["person"]])
    add("phone", [phone(p) for p in records["person"][phones].tolist()], records["key"][phones], seen[phones])
    is_call = (orders["channel"] == PHONE) & (person >= 0) & ~orders["is_test"]
    called = np.flatnonzero(is_call & (rng.random(count) < 0.2))
    add("email", [MAILBOX] * len(called), order_key[called], orders["time"][called])

    known = np.flatnonzero(np.isfinite(signed_in) & (account_key[visits["person"]] != ""))
    bought = np.flatnonzero(orders["visit"] >= 0)
    bought = bought[visits["has_consent"][orders["visit"][bought]]]
    cookie = np.concatenate([visits["cookie"][known], visits["cookie"][orders["visit"][bought]]])
    key = np.concatenate([account_key[visits["person"][known]], order_key[bought]])
    when = np.concatenate([signed_in[known], orders["time"][bought]])
    order = np.argsort(when, kind="stable")
    _, first = np.unique(cookie[order] * 10_000_000 + key[order].astype(np.int64), return_index=True)
    order = order[np.sort(first)]
    add("cookie", visitor_ids[cookie[order]].tolist(), key[order], when[order])

    links: Columns = {
        "type": np.concatenate(types),
        "value": np.concatenate(values),
        "key": np.concatenate(keys),
        "seen": np.concatenate(times),
    }
    links = take(links, np.argsort(links["seen"], kind="stable"))
    pairs = np.array([f"{a}|{b}|{c}" for a, b, c in zip(links["type"], links["value"], links["key"], strict=True)])
    _, first = np.unique(pairs, return_index=True)
    return Customers(records, order_key, account_key, take(links, np.sort(first)))


def visit_keys(customers: Customers, visits: Columns, signed_in: np.ndarray) -> np.ndarray:
    """Customer number that the web shop knows after sign-in, empty where it never does."""
    return np.where(np.isfinite(signed_in), customers.account_key[visits["person"]], "")
