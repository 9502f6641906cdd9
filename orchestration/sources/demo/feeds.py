"""The shop's `sources.yaml`: the same kind of file a user writes for real systems."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import yaml

from orchestration.sources.demo.assortment import REGIONS

_ERP = {
    "format": "csv",
    "encoding": "cp1252",
    "delimiter": ";",
    "decimal": ",",
    "thousands": ".",
    "timestamp_format": "%d.%m.%Y %H:%M:%S",
    "timezone": "Europe/Berlin",
}
_STATUS = {
    "offen": "open",
    "versandt": "shipped",
    "abgeschlossen": "completed",
    "storniert": "cancelled",
    "retourniert": "returned",
    "teilretourniert": "partly_returned",
}
_SALES_CHANNEL = {"Webshop": "web", "App": "app", "Filiale": "store", "Telefon": "phone", "Außendienst": "field"}


class _Plain(yaml.SafeDumper):
    """Writes every value out: references between feeds would make the file hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _case(column: str, values: dict[str, str]) -> dict[str, str]:
    branches = " ".join(f"WHEN '{source}' THEN '{target}'" for source, target in values.items())
    return {"sql": f"CASE {column} {branches} ELSE {column} END"}


def _flag(column: str) -> dict[str, str]:
    return {"sql": f"CASE {column} WHEN 'J' THEN 'true' WHEN 'N' THEN 'false' END"}


def _same(*names: str) -> dict[str, Any]:
    return {name: name for name in names}


def sources(start: date, parquet_from: date, web_only: bool) -> str:
    """Text of the `sources.yaml`.

    Parameters
    ----------
    start : date
        First business day.
    parquet_from : date
        Day from which web events come as Parquet.
    web_only : bool
        Only web events are delivered.
    """
    feeds: dict[str, dict[str, Any]] = {}
    if parquet_from > start:
        feeds["shop_web_jsonl"] = {
            "entity": "web_events",
            "kind": "files",
            "preset": "ga4_bigquery",
            "path": "web/events_{day:%Y%m%d}.jsonl.gz",
            "to": parquet_from - timedelta(days=1),
        }
    feeds["shop_web"] = {
        "entity": "web_events",
        "kind": "files",
        "preset": "ga4_bigquery",
        "path": "web/events_{day:%Y%m%d}.parquet",
        "from": parquet_from,
    }
    if not web_only:
        feeds |= _erp() | _marketing() | _signals()
    text = yaml.dump({"start": start, "feeds": feeds}, sort_keys=False, allow_unicode=True, width=110, Dumper=_Plain)
    return "# The simulated shop. What it delivers is described here the way you describe your own systems.\n" + text


def _erp() -> dict[str, dict[str, Any]]:
    def feed(entity: str, path: str, columns: dict[str, Any], pii: list[str] | None = None) -> dict[str, Any]:
        extra = {"pii": pii} if pii else {}
        return {"entity": entity, "kind": "files", "path": path, **_ERP, "columns": columns, **extra}

    return {
        "erp_orders": feed(
            "orders",
            "erp/auftraege_{day:%Y%m%d}.csv",
            {
                "order_id": "Auftragsnr",
                "ordered_at": "Auftragsdatum",
                "customer_key": "Kundennr",
                "visitor_id": "WebClientId",
                "sales_channel": _case("Vertriebsweg", _SALES_CHANNEL),
                "store_id": "Filiale",
                "ship_postal_code": "PLZ",
                "ship_country": "Land",
                "gross_amount": "Bruttobetrag",
                "net_amount": "Nettobetrag",
                "discount_amount": "Rabatt",
                "coupon_code": "Gutschein",
                "currency": "Währung",
                "status": _case("Status", _STATUS),
                "is_test": _flag("Testauftrag"),
                "is_b2b": _flag("B2B"),
                "account_id": "Geschäftskonto",
            },
        ),
        "erp_order_lines": feed(
            "order_lines",
            "erp/positionen_{day:%Y%m%d}.csv",
            {
                "order_id": "Auftragsnr",
                "line_no": "Position",
                "product_id": "Artikelnr",
                "quantity": "Menge",
                "net_amount": "Nettobetrag",
                "cost_amount": "Einstandswert",
                "returned_quantity": "Retourenmenge",
                "returned_at": "Retourdatum",
            },
        ),
        "erp_products": feed(
            "products",
            "erp/artikel_{day:%Y%m%d}.csv",
            {
                "product_id": "Artikelnr",
                "name": "Bezeichnung",
                "category": "Warengruppe",
                "brand": "Marke",
                "price": "Preis",
                "currency": "Währung",
            },
        ),
        "erp_customers": feed(
            "customers",
            "erp/kunden_{day:%Y%m%d}.csv",
            {
                "customer_key": "Kundennr",
                "segment": "Kundengruppe",
                "postal_code": "PLZ",
                "country": "Land",
                "first_order_at": "Erstauftrag",
                "account_id": "Geschäftskonto",
                "role": "Rolle",
                "consent_analytics": _flag("Einwilligung_Analyse"),
                "consent_marketing": _flag("Einwilligung_Werbung"),
            },
            pii=["Vorname", "Nachname", "EMail", "Telefon"],
        ),
        "erp_identities": feed(
            "identity_links",
            "erp/identitaeten_{day:%Y%m%d}.csv",
            {"id_type": "Typ", "id_value": "Wert", "customer_key": "Kundennr", "seen_at": "Gesehen_am"},
        ),
        "stores": {
            "entity": "stores",
            "kind": "files",
            "path": "stores.csv",
            "columns": _same("store_id", "name", "postal_code", "country", "latitude", "longitude", "timezone"),
        },
    }


def _marketing() -> dict[str, dict[str, Any]]:
    def feed(entity: str, path: str, *columns: str) -> dict[str, Any]:
        return {"entity": entity, "kind": "files", "path": path, "columns": _same(*columns)}

    return {
        "campaign_spend": feed("campaign_spend", "marketing/spend_{day:%Y%m%d}.csv", "spend_date", "channel",
                               "campaign_id", "platform", "campaign_name", "cost", "currency", "impressions", "clicks"),
        "mailings": feed("mailings", "marketing/mailings_{day:%Y%m%d}.csv", "mailing_id", "customer_key", "arm",
                         "dropped_at", "unit_cost", "currency", "wave", "page_count"),
        "contacts": feed("touchpoints", "marketing/contacts_{day:%Y%m%d}.csv", "touchpoint_id", "occurred_at",
                         "touchpoint_type", "direction", "customer_key", "channel", "campaign_id", "store_id",
                         "outcome"),
        "onsite_tests": feed("experiments", "marketing/experiments_{day:%Y%m%d}.csv", "experiment_id", "unit_id",
                             "unit_type", "arm", "assigned_at", "campaign_id"),
    }  # fmt: skip


def _signals() -> dict[str, dict[str, Any]]:
    # Stations have numbers; the shop calls its places by name.
    location = {"location_id": _case("source_id", {str(region.station): region.location_id for region in REGIONS})}
    return {
        "mastodon": {
            "entity": "social_posts",
            "kind": "files",
            "preset": "mastodon_timeline",
            "path": "social/timeline_{day:%Y%m%d}.json",
        },
        "brightsky": {
            "entity": "weather_observations",
            "kind": "files",
            "preset": "brightsky",
            "path": "weather/brightsky_{day:%Y%m%d}.json",
            "columns": location,
        },
        "brightsky_forecast": {
            "entity": "weather_forecasts",
            "kind": "files",
            "preset": "brightsky_forecast",
            "path": "weather/forecast_{day:%Y%m%d}.json",
            "columns": location,
        },
    }
