"""Small shops for the tests of the Customer Journey Index: visits as lists of events, and the frames dbt reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

START = date(2026, 1, 5)


@dataclass(frozen=True)
class Visit:
    """One visit: events as (seconds since its start, event name, page type or None, engaged seconds or None)."""

    day: int
    person: str
    events: Sequence[tuple[float, str, str | None, float | None]]
    second: int = 36_000
    device: str = "mobile"
    is_converted: bool = False
    bucket: int = 0
    channel: str = "direct"
    visitor_type: str = "new"
    key: str = field(default="")

    @property
    def started_at(self) -> datetime:
        return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=self.day, seconds=self.second)

    @property
    def ended_at(self) -> datetime:
        return self.started_at + timedelta(seconds=max(event[0] for event in self.events))


PAGES = {"page_view", "view_item", "view_item_list", "view_cart", "begin_checkout", "order_status", "search"}


def is_page(name: str) -> bool:
    return name in PAGES


def frames(visits: Iterable[Visit], as_of_day: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """The rows of int_web__events and int_web__sessions for these visits, and of the calendar if asked for."""
    events, sessions = [], []
    for number, visit in enumerate(visits):
        session_id = visit.key or f"s{number:04}"
        for position, (seconds, name, page, engaged) in enumerate(visit.events, start=1):
            events.append(
                {
                    "session_id": session_id,
                    "event_number": position,
                    "occurred_at": visit.started_at + timedelta(seconds=seconds),
                    "event_name": name,
                    "page_type": page,
                    "device_type": visit.device,
                    "engaged_seconds": engaged,
                    "is_pageview": is_page(name),
                }
            )
        sessions.append(
            {
                "session_id": session_id,
                "person_id": visit.person,
                "person_bucket": visit.bucket,
                "started_at": visit.started_at,
                "ended_at": visit.ended_at,
                "session_date": START + timedelta(days=visit.day),
                "device_type": visit.device,
                "channel": visit.channel,
                "visitor_type": visit.visitor_type,
                "is_converted": visit.is_converted,
                "revenue_eur": 50 if visit.is_converted else 0,
            }
        )
    calendar = {}
    if as_of_day is not None:
        as_of = START + timedelta(days=as_of_day)
        calendar = {"int_calendar__as_of": [{"first_date": START, "as_of_date": as_of}]}
    return {"int_web__events": events, "int_web__sessions": sessions, **calendar}
