"""Persons against a slow, obvious union of customers and a vote per device."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.dbt_project.runner import examples, run_model

MAX_CUSTOMERS = 5
MAX_PERSONS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
customers = st.sampled_from("abcdefgh")
links = st.lists(
    st.tuples(st.sampled_from(["email", "phone", "card", "account", "device"]), st.sampled_from("12345"), customers),
    max_size=14,
    unique=True,
)
sightings = st.lists(
    st.tuples(st.sampled_from("xyz"), st.none() | customers, st.booleans(), st.integers(0, 6)), max_size=25
)


def link(id_type: str, id_value: str, customer: str, hours: int = 0) -> dict[str, Any]:
    return {
        "id_type": id_type,
        "id_value": id_value,
        "customer_key": customer,
        "seen_at": START + timedelta(hours=hours),
    }


def event(number: int, visitor: str, customer: str | None, hours: int = 0, consent: bool = True) -> dict[str, Any]:
    return {
        "event_id": f"e{number:03}",
        "visitor_id": visitor,
        "customer_key": customer,
        "occurred_at": START + timedelta(hours=hours),
        "consent_analytics": consent,
    }


def obvious_clusters(world: list[tuple[str, str, str]], known: set[str]) -> dict[str, str]:
    """Smallest customer of each customer's cluster."""
    cluster = {customer: {customer} for customer in known}
    shared = defaultdict(set)
    for id_type, id_value, customer in world:
        if id_type in ("email", "phone", "card"):
            shared[id_type, id_value].add(customer)
    for members in shared.values():
        if len(members) <= MAX_CUSTOMERS:
            merged = set().union(*(cluster[member] for member in members))
            for member in merged:
                cluster[member] = merged
    return {customer: min(members) for customer, members in cluster.items()}


@examples(60)
@given(links)
def test_customers_merge_only_through_shared_mail_phone_or_card(world: list[tuple[str, str, str]]) -> None:
    frame = run_model("int_identity__customers", stg_web__identity_links=[link(*row) for row in world])
    expected = obvious_clusters(world, {row[2] for row in world})
    persons = dict(zip(frame["customer_key"], frame["person_id"], strict=True))
    assert set(persons) == set(expected)
    for a in persons:
        for b in persons:
            assert (persons[a] == persons[b]) == (expected[a] == expected[b])
    sizes = Counter(expected.values())
    counts = dict(zip(frame["customer_key"], frame["person_customer_count"], strict=True))
    assert counts == {customer: sizes[smallest] for customer, smallest in expected.items()}


@examples(60)
@given(links, sightings)
def test_a_device_belongs_to_the_person_it_was_seen_with_most(
    links: list[tuple[str, str, str]], sightings: list[tuple[str, str | None, bool, int]]
) -> None:
    frame = run_model(
        "int_identity__visitors",
        stg_web__identity_links=[link(*row) for row in links if row[0] != "device"],
        stg_web__events=[event(i, v, c, hours, consent) for i, (v, c, consent, hours) in enumerate(sightings)],
    )
    owner = dict(zip(frame["visitor_id"], frame["customer_key"], strict=True))
    person = dict(zip(frame["visitor_id"], frame["person_id"], strict=True))
    known = {row[2] for row in links} | {c for _, c, _, _ in sightings if c}
    cluster = obvious_clusters(links, known)
    assert set(owner) == {visitor for visitor, *_ in sightings}
    anonymous = [v for v in owner if owner[v] is None]
    assert len({person[v] for v in anonymous}) == len(anonymous)
    for visitor in owner:
        seen = [(cluster[c], c, hours) for v, c, consent, hours in sightings if v == visitor and c and consent]
        if not seen or len({s for s, _, _ in seen}) > MAX_PERSONS:
            assert owner[visitor] is None
            continue
        votes = Counter(smallest for smallest, _, _ in seen)
        latest = {smallest: max(hours for s, _, hours in seen if s == smallest) for smallest in votes}
        best = max((votes[s], latest[s]) for s in votes)
        assert cluster[owner[visitor]] in {s for s in votes if (votes[s], latest[s]) == best}


def test_a_shared_device_never_merges_its_customers() -> None:
    events = [event(1, "tablet", "anna"), event(2, "tablet", "anna", 1), event(3, "tablet", "ben", 2)]
    visitors = run_model("int_identity__visitors", stg_web__events=events)
    persons = run_model("int_identity__customers", stg_web__events=events)
    assert visitors["customer_key"].tolist() == ["anna"]
    assert persons["person_id"].nunique() == 2


def test_a_terminal_and_a_mailbox_join_nobody() -> None:
    names = [f"customer {i}" for i in range(MAX_CUSTOMERS + 1)]
    events = [event(i, "kiosk", name) for i, name in enumerate(names[: MAX_PERSONS + 1])]
    assert run_model("int_identity__visitors", stg_web__events=events)["customer_key"].isna().all()
    guest = [link("email", "own address", name) for name in names[: MAX_PERSONS + 1]]
    visitors = run_model("int_identity__visitors", stg_web__events=events, stg_web__identity_links=guest)
    assert visitors["customer_key"].notna().all()
    mailbox = run_model(
        "int_identity__customers", stg_web__identity_links=[link("email", "info", name) for name in names]
    )
    assert mailbox["person_id"].nunique() == len(names)


def test_nothing_is_linked_without_consent() -> None:
    refused = [event(1, "phone", "anna", consent=False)]
    order = {"order_id": "o", "ordered_at": START, "visitor_id": "phone", "customer_key": "anna"}
    frame = run_model(
        "int_identity__visitors",
        stg_web__events=refused,
        stg_sales__orders=[order],
        stg_web__identity_links=[link("cookie", "phone", "anna")],
    )
    assert frame["customer_key"].isna().all()

    customer = {"customer_key": "anna", "consent_analytics": False}
    frame = run_model(
        "int_identity__visitors", stg_web__events=[event(1, "phone", "anna")], stg_sales__customers=[customer]
    )
    assert frame["customer_key"].isna().all()


def test_orders_and_cookie_links_are_evidence_too() -> None:
    order = {"order_id": "o", "ordered_at": START, "visitor_id": "laptop", "customer_key": "anna"}
    frame = run_model(
        "int_identity__visitors", stg_sales__orders=[order], stg_web__identity_links=[link("cookie", "phone", "anna")]
    )
    assert set(frame["visitor_id"]) == {"laptop", "phone"}
    assert frame["person_id"].nunique() == 1


def test_a_long_chain_of_shared_ids_is_one_person() -> None:
    keys = [f"{(37 * i) % 200:03}" for i in range(200)]  # far apart in order, each tied to the next
    world = [link("phone", str(i), key) for i in range(199) for key in (keys[i], keys[i + 1])]
    frame = run_model("int_identity__customers", stg_web__identity_links=world)
    assert frame["person_id"].nunique() == 1
    assert frame["person_customer_count"].unique().tolist() == [200]
