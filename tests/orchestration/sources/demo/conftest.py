"""The small shop on disk, and the people of the demo shop in memory: each made once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.sources.demo import SIZES, write_shop
from orchestration.sources.demo.shop import World, simulate

END = date(2026, 10, 31)
DAYS = 400


@dataclass(frozen=True)
class Shop:
    """Deliveries and truth of the small shop; deliveries of a week lie behind its history."""

    directory: Path
    truth: dict[str, Any]

    @property
    def start(self) -> date:
        return END - timedelta(days=DAYS - 1)

    def days(self) -> Iterator[date]:
        """The days of the history."""
        return (self.start + timedelta(days=i) for i in range(DAYS))

    def erp(self, name: str, last: date = END) -> Iterator[tuple[date, dict[str, str]]]:
        """Rows of an ERP export with their delivery day, in order of delivery."""
        for path in sorted((self.directory / "erp").glob(f"{name}_*.csv")):
            day = date.fromisoformat(path.stem.split("_")[1])
            if day <= last:
                with path.open(encoding="cp1252", newline="") as file:
                    for row in csv.DictReader(file, delimiter=";"):
                        yield day, row

    def marketing(self, name: str) -> Iterator[dict[str, str]]:
        for path in sorted((self.directory / "marketing").glob(f"{name}_*.csv")):
            with path.open(encoding="utf-8", newline="") as file:
                yield from csv.DictReader(file)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Answer of a query over the view `events`: both web feeds, with their delivery day."""
        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        columns = """
            event_date, event_name, user_pseudo_id, user_id, CAST(event_timestamp AS BIGINT) AS event_timestamp,
            CAST(event_bundle_sequence_id AS BIGINT) AS bundle, CAST(batch_event_index AS BIGINT) AS batch_index,
            device.category AS device, device.web_info.browser AS browser, privacy_info.analytics_storage AS consent,
            ecommerce.transaction_id AS order_id, ecommerce.purchase_revenue AS revenue,
            list_filter(event_params, p -> p.key = 'page_location')[1].value.string_value AS location,
            CAST(regexp_extract(filename, '(\\d{8})[.]', 1) AS INTEGER) AS delivery
        """
        con.execute(f"""
            CREATE VIEW events AS
            SELECT {columns} FROM read_json('{self.directory}/web/*.jsonl.gz', format = 'newline_delimited',
                filename = true, union_by_name = true, sample_size = -1)
            UNION ALL
            SELECT {columns} FROM read_parquet('{self.directory}/web/*.parquet', filename = true)
        """)
        return con.execute(query).fetchall()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    directory = tmp_path_factory.mktemp("demo") / "shop"
    write_shop(directory, size="tests", end=END, days=DAYS, ahead_days=7)
    return Shop(directory, json.loads((directory / "truth.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def world() -> World:
    return simulate(SIZES["demo"], END, DAYS, 0, 7)
