"""ERP exports as German systems write them: cp1252, semicolons, decimal commas, German names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from orchestration.sources.demo.assortment import BRANDS, CATEGORIES, REGIONS, STORES
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, generator, length, take
from orchestration.sources.demo.customers import Customers, email, first_name, last_name, phone
from orchestration.sources.demo.deliver import to_table, write_lines
from orchestration.sources.demo.people import SEGMENTS, People
from orchestration.sources.demo.sales import COUPONS, Sales, store_ids

STATUS = ("offen", "versandt", "abgeschlossen", "storniert", "retourniert", "teilretourniert")
SALES_CHANNELS = ("Webshop", "App", "Filiale", "Telefon", "Außendienst")
BROKEN_ORDERS = 0.05  # a day


def _money(cents: str) -> str:
    return f"translate(format('{{:,.2f}}', {cents} / 100.0), ',.', '.,')"


def _time(seconds: str) -> str:
    return f"strftime(make_timestamp({seconds} * 1000000), '%d.%m.%Y %H:%M:%S')"


@dataclass(frozen=True)
class Export:
    """Where the files go: `directory`, one per day up to day `last`."""

    con: duckdb.DuckDBPyConnection
    directory: Path
    clock: Clock
    seed: int
    last: int

    def write(self, name: str, rows: Columns, fields: dict[str, str]) -> None:
        """Write one CSV per day.

        Parameters
        ----------
        rows : Columns
            With `delivery`, by which they are sorted.
        fields : dict
            Name in the file -> SQL expression over the columns.
        """
        self.con.register("rows", to_table(rows))
        line = " || ';' || ".join(f"coalesce(CAST({field} AS VARCHAR), '')" for field in fields.values())
        self.directory.mkdir(parents=True, exist_ok=True)
        write_lines(
            self.con.sql(
                f"SELECT delivery, {line} || chr(13) || chr(10) AS line FROM rows WHERE delivery < {self.last} "
                "ORDER BY delivery"
            ).to_arrow_table(),
            lambda day: self.directory / f"{name}_{self.clock.date(day):%Y%m%d}.csv",
            0,
            self.last,
            header=";".join(fields) + "\r\n",
            encoding="cp1252",
        )


def _postal_codes(region: np.ndarray, pick: np.ndarray) -> np.ndarray:
    codes = np.full((len(REGIONS), max(len(r.postal_codes) for r in REGIONS)), "", dtype=object)
    for index, r in enumerate(REGIONS):
        codes[index, : len(r.postal_codes)] = r.postal_codes
    return codes[region, pick]


def write_orders(
    export: Export,
    people: People,
    sales: Sales,
    rows: Columns,
    customers: Customers,
    ids: np.ndarray,
    client: np.ndarray,
) -> np.ndarray:
    """Write the orders.

    Parameters
    ----------
    rows : Columns
        Of `sales.versions`.
    ids, client : ndarray of str
        Number and web client id per order.

    Returns
    -------
    ndarray
        Days of the records that are broken on purpose.
    """
    rng = generator(export.seed, "erp")
    o = sales.orders
    order = rows["order"]
    person = o["person"]
    by_name = (person >= 0) & (o["store"] < 0)
    postal = np.where(by_name, _postal_codes(o["region"], np.where(by_name, people.postal[person], 0)), "")
    account = np.where(person >= 0, people.account[person], -1)
    table: Columns = {
        "delivery": rows["day"],
        "id": ids[order],
        "local": export.clock.local(o["time"])[order],
        "key": customers.order_key[order],
        "web": client[order],
        "channel": np.array(SALES_CHANNELS, dtype=object)[o["channel"]][order],
        "store": store_ids(o["store"])[order],
        "postal": postal[order],
        "country": np.array([r.country for r in REGIONS], dtype=object)[o["region"]][order],
        "gross": o["gross_cents"][order],
        "net": o["net_cents"][order],
        "discount": o["discount_cents"][order],
        "coupon": np.array([*COUPONS, ""], dtype=object)[o["coupon"]][order],
        "currency": np.where(o["is_chf"], "CHF", "EUR").astype(object)[order],
        "status": np.array(STATUS, dtype=object)[rows["status"]],
        "test": np.where(o["is_test"], "J", "N").astype(object)[order],
        "b2b": np.where(account >= 0, "J", "N").astype(object)[order],
        "account": np.array([f"G{a:04d}" if a >= 0 else "" for a in account.tolist()], dtype=object)[order],
        "fault": np.zeros(len(order), dtype=np.int64),
    }
    # A record that a faulty job wrote: with a number of its own, so that no real order is touched.
    days = np.repeat(np.arange(export.clock.length), rng.poisson(BROKEN_ORDERS, export.clock.length))
    source = np.minimum(np.searchsorted(table["delivery"], days), len(order) - 1)
    extra = take(table, source)
    extra["delivery"] = days
    extra["id"] = np.array([f"X{9_000_001 + i}" for i in range(len(days))], dtype=object)
    extra["fault"] = 1 + np.arange(len(days)) % 2
    table = {name: np.concatenate([table[name], extra[name]]) for name in table}
    table = take(table, np.argsort(table["delivery"], kind="stable"))
    fields = {
        "Auftragsnr": "id",
        "Auftragsdatum": f"CASE WHEN fault = 1 THEN '31.02.2026 12:00:00' ELSE {_time('local')} END",
        "Kundennr": "key",
        "WebClientId": "web",
        "Vertriebsweg": "channel",
        "Filiale": "store",
        "PLZ": "postal",
        "Land": "country",
        "Bruttobetrag": _money("gross"),
        "Nettobetrag": f"CASE WHEN fault = 2 THEN 'k.A.' ELSE {_money('net')} END",
        "Rabatt": _money("discount"),
        "Gutschein": "coupon",
        "Währung": "currency",
        "Status": "status",
        "Testauftrag": "test",
        "B2B": "b2b",
        "Geschäftskonto": "account",
    }
    export.write("auftraege", table, fields)
    return days


def write_lines_of_orders(export: Export, products: Columns, sales: Sales, rows: Columns, ids: np.ndarray) -> None:
    """Write the lines of every order, and all of them again when something came back."""
    clock = export.clock
    lines, versions = sales.lines, take(rows, np.flatnonzero(rows["has_lines"]))
    first = np.searchsorted(lines["order"], np.arange(length(sales.orders) + 1))
    count = np.diff(first)[versions["order"]]
    version = np.repeat(np.arange(length(versions)), count)
    offset = np.arange(len(version)) - np.repeat(np.cumsum(count) - count, count)
    line = first[versions["order"][version]] + offset
    order = lines["order"][line]
    returned = np.where(versions["is_returned"][version], lines["returned"][line], 0)
    back = clock.local(clock.midnights[np.minimum(versions["day"][version], clock.length)] + 36000)
    table: Columns = {
        "delivery": versions["day"][version],
        "id": ids[order],
        "number": lines["number"][line],
        "product": products["id"][lines["product"][line]],
        "quantity": lines["quantity"][line],
        "net": lines["net_cents"][line],
        "cost": lines["cost_cents"][line],
        "returned": returned,
        "back": np.where(returned > 0, back, -1),
    }
    fields = {
        "Auftragsnr": "id",
        "Position": "number",
        "Artikelnr": "product",
        "Menge": "quantity",
        "Nettobetrag": _money("net"),
        "Einstandswert": _money("cost"),
        "Retourenmenge": "returned",
        "Retourdatum": f"CASE WHEN back >= 0 THEN {_time('back')} END",
    }
    export.write("positionen", table, fields)


def write_products(export: Export, products: Columns) -> None:
    """Write the assortment on the first day and single articles again later."""
    rng = generator(export.seed, "product changes")
    count = length(products)
    # The catalog price of an article is delivered again now and then; orders keep the price they were placed at.
    changes = np.sort(rng.integers(1, export.clock.length, export.clock.length // 8))
    row = np.r_[np.arange(count), rng.integers(count, size=len(changes))]
    table: Columns = {
        "delivery": np.r_[np.zeros(count, dtype=np.int64), changes],
        "id": products["id"][row],
        "name": products["name"][row],
        "category": np.array([c.name for c in CATEGORIES], dtype=object)[products["category"]][row],
        "brand": np.array(BRANDS, dtype=object)[products["brand"]][row],
        "price": products["price_cents"][row],
    }
    fields = {
        "Artikelnr": "id",
        "Bezeichnung": "name",
        "Warengruppe": "category",
        "Marke": "brand",
        "Preis": _money("price"),
        "Währung": "'EUR'",
    }
    export.write("artikel", table, fields)


def write_customers(export: Export, people: People, customers: Customers) -> None:
    """Write all customers on the first day, then the new ones and those who moved."""
    rng = generator(export.seed, "customer changes")
    clock, records = export.clock, customers.records
    count = length(records)
    moved = np.flatnonzero((rng.random(count) < 0.06) & ~records["is_guest"] & (records["day"] < clock.length - 40))
    row = np.r_[np.arange(count), moved]
    left = clock.length - 2 - records["day"][moved]
    moved_on = records["day"][moved] + 1 + (rng.random(len(moved)) * left).astype(int)
    person = records["person"][row]
    segment = np.array([*SEGMENTS, "Gast"], dtype=object)
    kind = np.where(records["is_guest"][row], 4, np.where(people.is_customer[person], people.segment[person], 2))
    home = people.postal[person]
    home[count:] = (home[count:] + 1) % np.array([len(r.postal_codes) for r in REGIONS])[people.region[person[count:]]]
    account = people.account[person]
    table: Columns = {
        "delivery": np.r_[records["day"], moved_on],
        "key": records["key"][row],
        "segment": segment[kind],
        "first": np.array([first_name(p) for p in person.tolist()], dtype=object),
        "last": np.array([last_name(p) for p in person.tolist()], dtype=object),
        "mail": np.array([email(p) for p in person.tolist()], dtype=object),
        "phone": np.where(people.has_phone[person], np.array([phone(p) for p in person.tolist()], dtype=object), ""),
        "postal": _postal_codes(people.region[person], home),
        "country": np.array([r.country for r in REGIONS], dtype=object)[people.region[person]],
        "first_order": clock.local(records["first_order"])[row],
        "account": np.array([f"G{a:04d}" if a >= 0 else "" for a in account.tolist()], dtype=object),
        "role": np.where(account >= 0, np.array(["Einkauf", "Leitung", "Technik"], dtype=object)[person % 3], ""),
        "analytics": np.where(people.has_consent[person], "J", "N").astype(object),
        "marketing": np.where(people.has_marketing_consent[person], "J", "N").astype(object),
    }
    table = take(table, np.argsort(table["delivery"], kind="stable"))
    fields = {
        "Kundennr": "key",
        "Kundengruppe": "segment",
        "Vorname": "first",
        "Nachname": "last",
        "EMail": "mail",
        "Telefon": "phone",
        "PLZ": "postal",
        "Land": "country",
        "Erstauftrag": _time("first_order"),
        "Geschäftskonto": "account",
        "Rolle": "role",
        "Einwilligung_Analyse": "analytics",
        "Einwilligung_Werbung": "marketing",
    }
    export.write("kunden", table, fields)


def write_links(export: Export, customers: Customers) -> None:
    """Write which cookies, addresses and cards belong to which customer number."""
    links, clock = customers.links, export.clock
    table = {"delivery": clock.day_of(links["seen"]), "local": clock.local(links["seen"])}
    table |= {name: links[name] for name in ("type", "value", "key")}
    fields = {"Typ": "type", "Wert": "value", "Kundennr": "key", "Gesehen_am": _time("local")}
    export.write("identitaeten", table, fields)


def write_stores(directory: Path) -> None:
    """Write the list of stores: a snapshot, in UTF-8, as somebody keeps it by hand."""
    rows = ["store_id,name,postal_code,country,latitude,longitude,timezone"]
    for identifier, name, region, postal, latitude, longitude, _ in STORES:
        zone = "Europe/Zurich" if REGIONS[region].country == "CH" else "Europe/Berlin"
        rows.append(f"{identifier},{name},{postal},{REGIONS[region].country},{latitude},{longitude},{zone}")
    (directory / "stores.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
