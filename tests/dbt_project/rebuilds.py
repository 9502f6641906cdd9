"""A small shop whose deliveries can be loaded, changed and loaded again in any order, and the warehouse built from it.

Rows go straight into raw tables with the books a load would keep, so that a build is the only thing that costs time.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.defs.ml.tables import create_ml_tables
from orchestration.defs.serving.publication import table_hashes
from orchestration.defs.warehouse import increments
from orchestration.defs.warehouse.dbt_build import run_dbt
from orchestration.defs.warehouse.manifest import load_json, project_fingerprint
from orchestration.sources.contract import BOOKKEEPING, ENTITIES
from orchestration.sources.load import create_raw_tables

Row = dict[str, Any]
Delivery = tuple[str, date]
FIRST_DAY = date(2026, 3, 1)
SNAPSHOT = date(1970, 1, 1)
_VARIABLES = {"timezone": "Europe/Berlin", "currency": "EUR"}


class Builder:
    """A warehouse file: deliveries in, builds of the models out."""

    def __init__(self, path: Path, select: Sequence[str] = ()) -> None:
        self.path = path
        self.keyed = increments.keyed_models(load_json())
        self._select = select
        self._builds = 0
        self._loads = 0
        with duckdb.connect(str(path)) as connection:
            create_raw_tables(connection)
            create_ml_tables(connection)
        self._dbt("seed", {}, ())

    def load(self, entity: str, day: date, rows: Iterable[Row], feed: str = "shop") -> None:
        """Replace what a day of a feed brought, as a load does."""
        self._loads += 1
        rows = list(rows)
        source = f"{feed}_{entity}"
        digest = hashlib.sha256(json.dumps(rows, default=str, sort_keys=True).encode()).hexdigest()[:12]
        loaded_at = datetime(2026, 6, 1, tzinfo=UTC) + timedelta(seconds=self._loads)
        window = "snapshot" if day == SNAPSHOT else day.isoformat()
        batch_id = f"{source}:{window}:file:{digest}"
        books = {"_source": source, "_delivery_date": day, "_loaded_at": loaded_at, "_batch_id": batch_id}
        schema = pa.schema([*ENTITIES[entity].schema, *BOOKKEEPING])
        table = pa.Table.from_pylist(
            [{**row, **books, "_row_number": number} for number, row in enumerate(rows)], schema=schema
        )
        with duckdb.connect(str(self.path)) as connection:
            connection.execute(f"delete from raw.{entity} where _source = ? and _delivery_date = ?", [source, day])
            connection.register("rows", table)
            connection.execute(f"insert into raw.{entity} from rows")
            connection.execute('delete from raw.load_batches where source = ? and "window" = ?', [source, window])
            connection.execute(
                "insert into raw.load_batches by name select ? as batch_id, ? as source, ? as entity, "
                "?::timestamptz as started_at, ?::timestamptz as finished_at, ? as rows_in, ? as rows_loaded, "
                "0 as rows_quarantined, 0 as rows_duplicate, ? as \"window\", 'loaded' as state",
                [batch_id, source, entity, loaded_at, loaded_at, len(rows), len(rows), window],
            )

    def build(self, as_of: date | None = None, *, full: bool = False, only: Sequence[str] = ()) -> increments.BuildMode:
        """Build the models as the daily run does; `only` some of them, as a run that was killed on the way has."""
        self._builds += 1
        build_id = f"build {self._builds}"
        with duckdb.connect(str(self.path)) as connection:
            mode = increments.begin(
                connection,
                build_id,
                fingerprint=increments.fingerprint_of(project_fingerprint(), _VARIABLES),
                models=self.keyed,
                full=full,
            )
        variables: dict[str, object] = {"incremental": mode.is_partial, "build_id": build_id}
        if as_of:
            variables["as_of_date"] = as_of.isoformat()
        self._dbt("run", variables, only or self._select)
        with duckdb.connect(str(self.path)) as connection:
            finished = increments.finish(connection, build_id, self.keyed)
        assert finished == (not only)
        return mode

    def hashes(self, schemas: Sequence[str] = ("staging", "intermediate", "marts")) -> dict[str, str]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return table_hashes(connection, schemas)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(statement).fetchall()

    def run(self, command: str, variables: dict[str, object]) -> None:
        """Run a dbt command on the builder's models, as by hand."""
        self._dbt(command, variables, self._select)

    def passes(self, check: str, variables: dict[str, object]) -> bool:
        """Run one check; whether it found nothing."""
        result = self._invoke("test", variables, [check])
        (status,) = [str(r.status) for r in result.result if r.node.resource_type == "test"]
        assert status in ("pass", "fail"), [r.message for r in result.result]
        return status == "pass"

    def _dbt(self, command: str, variables: dict[str, object], select: Sequence[str]) -> None:
        result = self._invoke(command, variables, select)
        wrong = [f"{r.node.name}: {r.message}" for r in result.result or [] if str(r.status) in ("error", "fail")]
        assert result.success, wrong or result.exception

    def _invoke(self, command: str, variables: dict[str, object], select: Sequence[str]) -> Any:
        out = self.path.parent / "dbt"
        arguments = [command, *(["--select", *select] if select else [])]
        arguments += ["--vars", json.dumps({**_VARIABLES, **variables}), "--target-path", str(out)]
        return run_dbt(arguments, out, str(self.path))


class Shop:
    """What happened in a shop on some days, and which deliveries tell of it.

    Visitors share devices and customers share mailboxes, visits end and go on at midnight, a fifth of the events come
    up to three days late, some come twice, orders are sent back weeks later, links are withdrawn.
    """

    def __init__(self, seed: int, days: int, visitors: int = 40, customers: int = 15) -> None:
        self.random = random.Random(seed)
        self.days = [FIRST_DAY + timedelta(days=number) for number in range(days)]
        self.visitors = [f"v{number}" for number in range(visitors)]
        self.customers = [f"c{number:02}" for number in range(customers)]
        self.deliveries: dict[Delivery, list[Row]] = defaultdict(list)
        self._numbers: dict[str, int] = defaultdict(int)
        for day in self.days:
            for entity in ("web_events", "orders", "order_lines", "touchpoints", "identity_links", "campaign_spend"):
                self.deliveries[entity, day] = []
            self._live(day)
        self._snapshots()

    def last_delivery(self) -> date:
        return max(day for _, day in self.deliveries)

    def change(self) -> list[Delivery]:
        """Let a few old deliveries come again with rows gone, added and corrected; name them."""
        changed = []
        for entity in ("web_events", "orders", "identity_links", "touchpoints", "order_lines"):
            days = [day for name, day in self.deliveries if name == entity and self.deliveries[name, day]]
            for day in self.random.sample(days, min(2, len(days))):
                rows = self.deliveries[entity, day]
                kept = [row for row in rows if self.random.random() > 0.3]
                for row in kept:
                    if self.random.random() < 0.3:
                        self._correct(entity, row)
                self.deliveries[entity, day] = kept
                changed.append((entity, day))
        for row in self.random.sample(self.deliveries["customers", SNAPSHOT], 2):
            row["consent_analytics"] = not row["consent_analytics"]
        changed.append(("customers", SNAPSHOT))
        return changed

    def _correct(self, entity: str, row: Row) -> None:
        if entity == "web_events":
            row["occurred_at"] += timedelta(minutes=self.random.randint(-40, 40))
            row["visitor_id"] = self.random.choice([row["visitor_id"], self.random.choice(self.visitors)])
        elif entity == "orders":
            row["status"] = self.random.choice(["cancelled", "returned", "completed"])
            row["customer_key"] = self.random.choice([row["customer_key"], None, self.random.choice(self.customers)])
        elif entity == "order_lines":
            row["returned_quantity"] = 1
        else:
            row["customer_key"] = self.random.choice(self.customers)

    def _number(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}{self._numbers[kind]:05}"

    def _live(self, day: date) -> None:
        choose, chance = self.random.choice, self.random.random
        for visitor in self.random.sample(self.visitors, 9):
            at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=self.random.randint(0, 86_000))
            customer = f"c{int(visitor[1:]) % (len(self.customers) + 8):02}"
            known = customer in self.customers and chance() < 0.4
            for step in range(self.random.randint(1, 7)):
                name = choose(["page_view", "view_item", "add_to_cart", "begin_checkout", "search", "scroll"])
                self._event(day, at, visitor, name, customer if known and chance() < 0.5 else None, step)
                at += timedelta(seconds=choose([5, 300, 1799, 1800, 1801, 3000]))
            if chance() < 0.35:
                self._order(day, at, visitor, customer if known else None)
        if chance() < 0.5:
            bot = choose(["bot", self._number("bot")])
            for step in range(6):
                at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(seconds=3607 + 41 * step)
                self._event(day, at, bot, "page_view", None, step)
        for _ in range(3):
            self.deliveries["touchpoints", day].append(
                {
                    "touchpoint_id": self._number("t"),
                    "occurred_at": datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=9),
                    "touchpoint_type": choose(["newsletter_open", "call", "store_visit", "newsletter_sent"]),
                    "customer_key": choose([*self.customers, None]),
                    "visitor_id": choose([None, choose(self.visitors)]),
                }
            )
        for _ in range(2):
            kind = choose(["email", "phone", "card", "device", "cookie"])
            value = choose(self.visitors) if kind in ("device", "cookie") else f"id{self.random.randint(0, 9)}"
            self.deliveries["identity_links", day].append(
                {"id_type": kind, "id_value": value, "customer_key": choose(self.customers)}
                | {"seen_at": datetime.combine(day, datetime.min.time(), UTC)}
            )
        spend = {"spend_date": day, "channel": "paid_search", "campaign_id": "brand", "cost": 10, "currency": "EUR"}
        self.deliveries["campaign_spend", day].append(spend)

    def _event(self, day: date, at: datetime, visitor: str, name: str, customer: str | None, step: int) -> None:
        row: Row = {
            "event_id": self._number("e"),
            "occurred_at": at,
            "event_name": name,
            "visitor_id": visitor,
            "customer_key": customer,
            "page_url": "https://shop.example/",
            "page_type": self.random.choice(["home", "product", "checkout", None]),
            "device_type": self.random.choice(["mobile", "desktop"]),
            "consent_analytics": self.random.random() < 0.85,
            "user_agent_class": "bot" if visitor == "bot" and self.random.random() < 0.1 else "human",
        }
        if step == 0 and self.random.random() < 0.7:
            row["utm_source"], row["utm_medium"] = self.random.choice(
                [("google", "cpc"), ("newsletter", "email"), ("facebook", "paid_social")]
            )
            row["utm_campaign"] = self.random.choice(["spring", "brand"])
        self._deliver("web_events", day, row)
        if self.random.random() < 0.03:
            self._deliver("web_events", day, {**row, "device_type": "tablet"})

    def _order(self, day: date, at: datetime, visitor: str, customer: str | None) -> None:
        order_id = self._number("o")
        if self.random.random() < 0.7:
            self._event(day, at, visitor, "purchase", customer, 9)
            row = next(rows[-1] for rows in reversed(self.deliveries.values()) if rows and "event_name" in rows[-1])
            row["properties"] = json.dumps({"transaction_id": order_id})
        order: Row = {
            "order_id": order_id,
            "ordered_at": at + timedelta(seconds=20),
            "customer_key": customer,
            "visitor_id": self.random.choice([visitor, None]),
            "sales_channel": self.random.choice(["web", "phone"]),
            "status": "completed",
            "gross_amount": 60,
            "net_amount": 50,
            "currency": "EUR",
            "is_test": self.random.random() < 0.05,
        }
        line = {"order_id": order_id, "line_no": 1, "product_id": "p1", "quantity": 2, "net_amount": 50}
        line |= {"cost_amount": 20, "returned_quantity": 0}
        self._deliver("orders", day, order)
        self._deliver("order_lines", day, line)
        if self.random.random() < 0.3:
            back = min(day + timedelta(days=self.random.randint(1, 20)), self.days[-1])
            status = self.random.choice(["partly_returned", "cancelled", "returned"])
            self.deliveries["orders", back].append({**order, "status": status})
            self.deliveries["order_lines", back].append({**line, "returned_quantity": 1})

    def _deliver(self, entity: str, day: date, row: Row) -> None:
        late = self.random.randint(1, 3) if self.random.random() < 0.2 else 0
        self.deliveries[entity, day + timedelta(days=late)].append(row)

    def _snapshots(self) -> None:
        self.deliveries["customers", SNAPSHOT] = [
            {"customer_key": key, "country": "DE", "postal_code": "20095", "consent_analytics": key != "c03"}
            for key in self.customers
        ]
        self.deliveries["products", SNAPSHOT] = [
            {"product_id": "p1", "name": "a lamp", "category": "lamps", "price": 30, "currency": "EUR"}
        ]
        self.deliveries["mailings", SNAPSHOT] = [
            {
                "mailing_id": "m1",
                "customer_key": key,
                "arm": "holdout" if key < "c05" else "catalog",
                "dropped_at": datetime.combine(self.days[len(self.days) // 2], datetime.min.time(), UTC),
                "unit_cost": 2,
                "currency": "EUR",
            }
            for key in self.customers
        ]
