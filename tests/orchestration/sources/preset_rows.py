"""What a preset made of an answer, beside what a person made of it by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.sources.contract import ENTITIES
from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.conftest import KEY, Desk

ANSWERS = Path(__file__).parent / "answers"


def answer(name: str) -> Any:
    """A small answer in the documented shape of a system, e.g. `shopware/orders_1`."""
    return json.loads((ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


def loaded(desk: Desk, entity: str) -> list[dict[str, Any]]:
    """Raw rows with all columns of the contract, in the order of their keys; amounts as text."""
    names = ENTITIES[entity].schema.names
    keys = ", ".join(ENTITIES[entity].key)
    rows = desk.rows(f"select {', '.join(names)} from raw.{entity} order by {keys}")
    return [
        {name: str(value) if isinstance(value, Decimal) else value for name, value in zip(names, row, strict=True)}
        for row in rows
    ]


def expected(entity: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The same from hand-computed values: columns that are not named are empty, persons are named in plain text."""
    names = ENTITIES[entity].schema.names
    personal = ENTITIES[entity].personal
    assert not [name for row in rows for name in row if name not in names]
    whole = [
        {name: pseudonym(row.get(name), KEY) if name in personal else row.get(name) for name in names} for row in rows
    ]
    return sorted(whole, key=lambda row: [row[name] for name in ENTITIES[entity].key])


def rejected(desk: Desk) -> list[tuple[str, str]]:
    """Reason code and reason of what went to quarantine."""
    return desk.rows("select reason_code, reason from raw.quarantine order by row_number")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]
