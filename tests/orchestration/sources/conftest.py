"""A folder to write sources into, and the shortest way from there to `raw`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import settings

from orchestration.sources.config import SourcesConfig, load_config
from orchestration.sources.load import BatchReport, load_entity

# How long an example takes says more about the machine than about the code.
settings.register_profile("sources", deadline=None)
settings.load_profile("sources")

KEY = b"k" * 32
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass
class Desk:
    """Sources, warehouse and dlt folder of one test."""

    folder: Path
    feeds: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def config(self, **root: Any) -> SourcesConfig:
        text = yaml.safe_dump({"start": date(2026, 1, 1), **root, "feeds": self.feeds}, allow_unicode=True)
        return load_config(self.write("sources.yaml", text))

    def load(self, entity: str, *days: date, now: datetime = NOW) -> list[BatchReport]:
        return load_entity(
            self.config(), entity, days or [date(2026, 1, 1)], warehouse=self.warehouse, key=KEY,
            timezone="Europe/Berlin", now=now,
        )  # fmt: skip

    @property
    def warehouse(self) -> Path:
        return self.folder / "data" / "warehouse.duckdb"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            connection.execute("set timezone = 'UTC'")
            return connection.execute(query).fetchall()

    def one(self, query: str) -> Any:
        [row] = self.rows(query)
        return row[0] if len(row) == 1 else row


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def orders() -> Callable[..., dict[str, Any]]:
    """A feed of orders from a German ERP system."""

    def feed(**other: Any) -> dict[str, Any]:
        return {
            "entity": "orders",
            "kind": "files",
            "path": "orders_{day:%Y%m%d}.csv",
            "delimiter": ";",
            "decimal": ",",
            "timestamp_format": "%d.%m.%Y %H:%M:%S",
            "columns": {
                "order_id": "Nr", "ordered_at": "Datum", "customer_key": "Kunde", "ship_postal_code": "PLZ",
                "net_amount": "Netto", "currency": {"const": "EUR"}, "status": "Status",
            },
            **other,
        }  # fmt: skip

    return feed


ORDER_HEADER = "Nr;Datum;Kunde;PLZ;Netto;Status\n"


@pytest.fixture
def server() -> Iterator[Any]:
    from tests.orchestration.sources.api_server import ApiServer

    with ApiServer() as running:
        yield running


@pytest.fixture
def api(desk: Desk, server: Any) -> Callable[..., Desk]:
    """A feed of products from an API of one page."""

    def feed(**other: Any) -> Desk:
        desk.feeds = {
            "api": {
                "entity": "products", "kind": "rest", "url": f"{server.url}/products", "records": "items", "retries": 1,
                "paginator": {"type": "single_page"}, "columns": {"product_id": "id", "name": "name"}, **other,
            }
        }  # fmt: skip
        return desk

    return feed
