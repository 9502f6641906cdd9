"""The files look like those of real systems, dirt included, and agree with each other and with the truth."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest

from orchestration.sources.demo import SIZES, web_feed
from orchestration.sources.demo import shop as simulation
from orchestration.sources.demo.ledger import half_up, orders_as_of
from orchestration.sources.demo.story import Story
from orchestration.sources.demo.web import EVENTS
from tests.orchestration.sources.demo.conftest import END, Shop

BERLIN = ZoneInfo("Europe/Berlin")
CENT = Decimal("0.01")


def number(text: str) -> Decimal:
    return Decimal(text.replace(".", "").replace(",", "."))


def wall_time(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M:%S")


def obvious_totals(shop: Shop, last: date) -> dict[str, tuple[Decimal, Decimal]]:
    """Revenue and margin per order that counts, by reading the ERP files the slow way."""
    orders = {row["Auftragsnr"]: row for _, row in shop.erp("auftraege", last)}
    lines = {(row["Auftragsnr"], row["Position"]): row for _, row in shop.erp("positionen", last)}
    totals: dict[str, list[Decimal]] = {}
    for (order_id, _), line in lines.items():
        order = orders[order_id]
        if order["Testauftrag"] == "J" or order["Status"] == "storniert":
            continue
        rate = Decimal("1.05") if order["Währung"] == "CHF" else Decimal(1)
        back = Decimal(line["Retourenmenge"]) / Decimal(line["Menge"])
        net, cost = (
            ((number(line[name]) - back * number(line[name])) * rate).quantize(CENT, ROUND_HALF_UP)
            for name in ("Nettobetrag", "Einstandswert")
        )
        sums = totals.setdefault(order_id, [Decimal(0), Decimal(0)])
        sums[0] += net
        sums[1] += net - cost
    return {order_id: (revenue, margin) for order_id, (revenue, margin) in totals.items()}


@pytest.mark.parametrize("last", [END, END - timedelta(days=100), END + timedelta(days=7)])
def test_revenue_of_the_files_is_the_truth_to_the_cent(shop: Shop, last: date) -> None:
    table = orders_as_of(shop.directory, last).to_pylist()
    truth = {row["order_id"]: (row["revenue_eur"], row["margin_eur"]) for row in table if row["is_counted"]}
    assert truth == obvious_totals(shop, last)


def test_published_totals_are_those_of_the_history(shop: Shop) -> None:
    totals = obvious_totals(shop, END)
    facts = shop.truth["sales"]
    assert Decimal(facts["revenue_eur"]) == sum(revenue for revenue, _ in totals.values())
    assert Decimal(facts["margin_eur"]) == sum(margin for _, margin in totals.values())


def test_an_order_is_the_sum_of_its_lines(shop: Shop) -> None:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in {(r["Auftragsnr"], r["Position"]): r for _, r in shop.erp("positionen")}.values():
        sums[row["Auftragsnr"]] += number(row["Nettobetrag"])
    orders = {r["Auftragsnr"]: r for _, r in shop.erp("auftraege") if r["Auftragsnr"][0] != "X"}
    assert {order_id: number(row["Nettobetrag"]) for order_id, row in orders.items()} == dict(sums)


def test_everything_that_can_happen_to_an_order_does(shop: Shop) -> None:
    rows = [row for _, row in shop.erp("auftraege")]
    assert {row["Status"] for row in rows} == {
        *("offen", "versandt", "abgeschlossen", "storniert", "retourniert", "teilretourniert")
    } - {"versandt"}
    assert {row["Vertriebsweg"] for row in rows} == {"Webshop", "App", "Filiale", "Telefon", "Außendienst"}
    assert {row["Währung"] for row in rows if row["Filiale"] == "F12"} == {"CHF"}
    assert any(row["Testauftrag"] == "J" for row in rows)
    assert any(row["PLZ"].startswith("0") for row in rows)
    facts = shop.truth["sales"]
    for name in ("test_orders", "cancelled_orders", "returned_orders", "partly_returned_orders", "chf_orders"):
        assert facts[name] > 0, name


def test_placeholders_stand_for_customers_nobody_knows(shop: Shop) -> None:
    phoned = Counter(row["Kundennr"] for _, row in shop.erp("auftraege") if row["Vertriebsweg"] == "Telefon")
    assert {"0", "unknown", ""} <= set(phoned)
    shared = Counter(row["Wert"] for _, row in shop.erp("identitaeten") if row["Typ"] == "email")
    assert shared.most_common(1)[0][0] == "bestellung@callcenter.example"
    assert shared.most_common(1)[0][1] > 5


def test_a_guest_and_an_account_share_an_address_however_it_is_written(shop: Shop) -> None:
    links = [row for _, row in shop.erp("identitaeten", date.max) if row["Typ"] == "email"]
    mine = {row["Kundennr"]: row["Wert"] for row in links if not row["Wert"].startswith("bestellung")}
    people = pq.read_table(shop.directory / "truth" / "customers.parquet").to_pylist()
    persons: defaultdict[int, set[str]] = defaultdict(set)
    for row in people:
        if row["customer_key"] in mine:
            persons[row["person"]].add(mine[row["customer_key"]])
    several = [addresses for addresses in persons.values() if len(addresses) > 1]
    assert several
    assert all(len({a.strip().lower() for a in addresses}) == 1 for addresses in persons.values())


def test_web_orders_are_the_purchases_of_the_tag(shop: Shop) -> None:
    """Every web order has its purchase event with the same amount, unless that comes late behind the last delivery."""
    tagged = dict(shop.sql("SELECT DISTINCT order_id, revenue FROM events WHERE order_id IS NOT NULL"))
    orders = {
        row["Auftragsnr"]: (row, number(row["Nettobetrag"]))
        for _, row in shop.erp("auftraege", date.max)
        if row["Vertriebsweg"] == "Webshop" and row["Auftragsnr"][0] != "X"
    }
    assert set(tagged) <= set(orders)
    assert len(set(orders) - set(tagged)) <= 2
    assert all(Decimal(str(tagged[order_id])) == orders[order_id][1] for order_id in tagged)
    clients = dict(shop.sql("SELECT order_id, user_pseudo_id FROM events WHERE consent = 'Yes' AND order_id <> ''"))
    assert clients
    assert all(orders[order_id][0]["WebClientId"] == client for order_id, client in clients.items())
    without = shop.sql("SELECT order_id FROM events WHERE consent = 'No' AND order_id <> ''")
    assert all(orders[order_id][0]["WebClientId"] == "" for (order_id,) in without)


def test_events_come_late_and_twice_as_often_as_the_truth_says(shop: Shop) -> None:
    last = f"{END:%Y%m%d}"
    rows = shop.sql(f"""
        SELECT count(*) AS copies, min(delivery) AS delivery, min(event_date) AS event_date
        FROM events WHERE delivery <= {last}
        GROUP BY user_pseudo_id, event_timestamp, event_name, bundle, batch_index
    """)
    facts = shop.truth["web"]
    assert sum(copies for copies, *_ in rows) == facts["rows"]
    assert sum(copies - 1 for copies, *_ in rows) == facts["duplicates"]
    assert facts["duplicates"] / facts["rows"] == pytest.approx(0.005, abs=0.002)
    day = {f"{d:%Y%m%d}": i for i, d in enumerate(shop.days())}
    lags = Counter(day[str(delivery)] - day[date_] for _, delivery, date_ in rows if date_ in day)
    assert sum(n for lag, n in lags.items() if 1 <= lag <= 3) == facts["late_1_to_3_days"] > 0
    assert sum(n for lag, n in lags.items() if lag > 3) == facts["later_than_3_days"] > 0
    assert min(lags) == 0


def test_a_copy_is_exact(shop: Shop) -> None:
    [(different,)] = shop.sql("""
        SELECT count(*) FROM (
            SELECT count(DISTINCT (event_date, user_id, device, browser, order_id, location)) AS n FROM events
            GROUP BY user_pseudo_id, event_timestamp, event_name, bundle, batch_index
        ) WHERE n > 1
    """)
    assert different == 0


def test_broken_clocks_are_epoch_zero_or_the_far_future(shop: Shop) -> None:
    micros = int(datetime(2026, 12, 31, tzinfo=BERLIN).timestamp()) * 1_000_000
    [(broken,)] = shop.sql(
        "SELECT count(*) FROM events "
        f"WHERE (event_timestamp = 0 OR event_timestamp > {micros}) AND delivery <= 20261031"
    )
    assert broken == shop.truth["web"]["broken"] > 0


def test_event_names_are_the_known_ones(shop: Shop) -> None:
    assert {name for (name,) in shop.sql("SELECT DISTINCT event_name FROM events")} <= set(EVENTS)


def test_visits_of_people_and_bots_are_counted_right(shop: Shop) -> None:
    """Thirty minutes of silence end a visit; counted here in plain Python over the delivered events."""
    bots = set(pq.read_table(shop.directory / "truth" / "bots.parquet")["visitor_id"].to_pylist())
    devices = set(pq.read_table(shop.directory / "truth" / "devices.parquet")["visitor_id"].to_pylist())
    rows = shop.sql("""
        SELECT DISTINCT user_pseudo_id, event_timestamp, event_name, bundle FROM events
        WHERE delivery <= 20261031 AND event_timestamp BETWEEN 1 AND 1800000000000000
    """)
    times: defaultdict[str, list[int]] = defaultdict(list)
    for visitor, time, *_ in rows:
        times[visitor].append(time)
    assert set(times) <= bots | devices
    visits = 0
    for visitor, seen in times.items():
        if visitor not in bots:
            seen.sort()
            visits += 1 + sum(b - a > 1800 * 10**6 for a, b in pairwise(seen))
    assert visits == shop.truth["web"]["sessions"]
    assert sum(len(t) for v, t in times.items() if v not in bots) == shop.truth["web"]["human_events"]
    assert sum(len(t) for v, t in times.items() if v in bots) == shop.truth["web"]["bot_events"]


def test_without_consent_every_visit_is_somebody_new_and_nobody_known(shop: Shop) -> None:
    rows = shop.sql("""
        SELECT user_pseudo_id, max(event_timestamp) - min(event_timestamp), count(user_id) FROM events
        WHERE consent = 'No' AND event_timestamp BETWEEN 1 AND 1800000000000000 GROUP BY ALL
    """)
    assert len(rows) > 50
    assert max(length for _, length, _ in rows) < 6 * 3600 * 10**6
    assert sum(known for *_, known in rows) == 0
    linked = {row["Wert"] for _, row in shop.erp("identitaeten", date.max) if row["Typ"] == "cookie"}
    assert not linked & {visitor for visitor, *_ in rows}


def test_who_signs_in_is_who_the_truth_says(shop: Shop) -> None:
    """On a device that one person has, every customer number is a number of that person."""
    persons = {
        row["customer_key"]: row["person"]
        for row in pq.read_table(shop.directory / "truth" / "customers.parquet").to_pylist()
    }
    devices = {
        row["visitor_id"]: row for row in pq.read_table(shop.directory / "truth" / "devices.parquet").to_pylist()
    }
    seen = shop.sql("SELECT DISTINCT user_pseudo_id, user_id FROM events WHERE user_id <> ''")
    seen += [(r["Wert"], r["Kundennr"]) for _, r in shop.erp("identitaeten", date.max) if r["Typ"] == "cookie"]
    assert len(seen) > 100
    alone = [(v, k) for v, k in seen if not devices[v]["is_shared"] and not devices[v]["is_kiosk"]]
    assert all(devices[visitor]["person"] == persons[key] for visitor, key in alone)
    assert all(devices[visitor]["known_since"] is not None for visitor, _ in alone)
    linked = {row["Wert"] for _, row in shop.erp("identitaeten") if row["Typ"] == "cookie"}
    assert {visitor for visitor, row in devices.items() if row["is_known"]} == linked


def test_days_of_23_and_25_hours(shop: Shop) -> None:
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        rows = json.loads((shop.directory / f"weather/brightsky_{day:%Y%m%d}.json").read_text())["weather"]
        stamps = {row["timestamp"] for row in rows}
        assert len(stamps) == hours
        assert {datetime.fromisoformat(stamp).astimezone(BERLIN).date() for stamp in stamps} == {day}
    for _, row in shop.erp("auftraege"):
        if row["Auftragsnr"][0] != "X":
            local = wall_time(row["Auftragsdatum"])
            there_and_back = local.replace(tzinfo=BERLIN).astimezone(ZoneInfo("UTC")).astimezone(BERLIN)
            assert there_and_back.replace(tzinfo=None) == local


def test_the_event_date_is_the_local_day(shop: Shop) -> None:
    rows = shop.sql(
        "SELECT DISTINCT event_timestamp // 60000000, event_date FROM events WHERE event_timestamp > 1 LIMIT 4000"
    )
    for minute, text in rows:
        assert f"{datetime.fromtimestamp(minute * 60, BERLIN):%Y%m%d}" == text


def test_an_order_is_delivered_on_its_day_or_soon_after(shop: Shop) -> None:
    first: dict[str, tuple[date, date]] = {}
    for day, row in shop.erp("auftraege"):
        if row["Auftragsnr"][0] != "X":
            first.setdefault(row["Auftragsnr"], (day, wall_time(row["Auftragsdatum"]).date()))
    lags = Counter((day - ordered).days for day, ordered in first.values())
    assert set(lags) == {0, 1}
    assert lags[1] < 0.02 * lags[0]


def test_the_weather_has_a_hole_at_one_place_only(shop: Shop) -> None:
    gap = shop.truth["story"]["weather_gap"]
    silent = date.fromisoformat(gap["first"]) + timedelta(days=3)
    rows = json.loads((shop.directory / f"weather/brightsky_{silent:%Y%m%d}.json").read_text())["weather"]
    there = Counter(row["source_id"] for row in rows)
    assert 1975 not in there
    assert set(there.values()) == {24}
    assert len(there) == 5


def test_forecasts_are_issued_before_they_come_true(shop: Shop) -> None:
    rows = json.loads((shop.directory / "weather/forecast_20260601.json").read_text())["weather"]
    ahead = {row["timestamp"][:10] for row in rows}
    assert {row["issued_at"][:10] for row in rows} == {"2026-06-01"}
    assert "2026-06-02" in ahead
    observed = json.loads((shop.directory / "weather/brightsky_20260602.json").read_text())["weather"]
    truth = {(row["source_id"], row["timestamp"]): row["temperature"] for row in observed}
    errors = [r["temperature"] - truth[key] for r in rows if (key := (r["source_id"], r["timestamp"])) in truth]
    assert 0.1 < np.abs(errors).mean() < 5


def test_posts_are_mastodon_statuses(shop: Shop) -> None:
    seen: dict[str, dict] = {}
    for path in sorted((shop.directory / "social").glob("*.json")):
        for status in json.loads(path.read_text(encoding="utf-8")):
            assert {"id", "created_at", "content", "language", "account", "favourites_count", "tags", "url"} <= set(
                status
            )
            seen[status["id"]] = status
    assert {status["language"] for status in seen.values()} == {"de", "en"}
    truth = pq.read_table(shop.directory / "truth" / "posts.parquet").to_pylist()
    assert set(seen) <= {row["post_id"] for row in truth}


def test_spend_has_one_row_per_day_and_campaign(shop: Shop) -> None:
    rows = list(shop.marketing("spend"))
    keys = [(row["spend_date"], row["channel"], row["campaign_id"]) for row in rows]
    assert len(keys) == len(set(keys))
    totals: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row["spend_date"] <= END.isoformat():
            totals[row["channel"]] += Decimal(row["cost"])
    for channel, facts in shop.truth["media"]["channels"].items():
        assert float(totals[channel]) == pytest.approx(facts["spend_eur"], abs=0.01)


def test_campaigns_on_the_web_are_those_that_are_paid(shop: Shop) -> None:
    tagged = shop.sql("SELECT DISTINCT regexp_extract(location, 'utm_campaign=([^&]+)', 1) FROM events")
    paid = {row["campaign_id"] for row in shop.marketing("spend")}
    mailed = {row["mailing_id"] for row in shop.marketing("mailings")}
    assert len(tagged) > 10
    assert {campaign for (campaign,) in tagged if campaign} <= paid | mailed


def test_everybody_in_a_wave_is_in_one_arm_of_it(shop: Shop) -> None:
    rows = list(shop.marketing("mailings"))
    assert len(rows) == len({(row["mailing_id"], row["customer_key"]) for row in rows})
    assert {row["arm"] for row in rows} == {"holdout", "catalog", "catalog_followup"}
    assert {row["unit_cost"] for row in rows if row["arm"] == "holdout"} == {"0.00"}
    customers = {row["Kundennr"]: row for _, row in shop.erp("kunden")}
    assert all(customers[row["customer_key"]]["Einwilligung_Werbung"] == "J" for row in rows)


def test_json_and_parquet_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One day written in both forms gives the same records, but for what BigQuery does to JSON."""
    forms = {}
    for share in (0, 1):
        monkeypatch.setattr(Story, "parquet_from", property(lambda self, s=share: s * self.days))
        world = simulation.simulate(SIZES["tests"], END, 60, 0, 3)
        directory = tmp_path / str(share)
        directory.mkdir()
        simulation.write(world, directory, {})
        forms[share] = directory / "web"
    compared = 0
    for path in sorted(forms[0].glob("*.parquet")):
        text = gzip.decompress((forms[1] / path.name.replace(".parquet", ".jsonl.gz")).read_bytes()).decode()
        records = [without_nulls(row) for row in pq.read_table(path).to_pylist()]
        lines = [json.loads(line) for line in text.splitlines()]
        assert [as_bigquery_writes(row) for row in records] == lines
        compared += len(lines)
    assert compared > 1000


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def as_bigquery_writes(value: Any) -> Any:
    """64-bit numbers as text."""
    if isinstance(value, dict):
        return {k: as_bigquery_writes(v) for k, v in value.items()}
    if isinstance(value, list):
        return [as_bigquery_writes(v) for v in value]
    return str(value) if isinstance(value, int) else value


def test_halves_round_up() -> None:
    assert half_up(np.array([1, 3, 5, 149, 151]), np.array([2, 2, 2, 100, 100])).tolist() == [1, 2, 3, 1, 2]


def test_visitor_ids_differ() -> None:
    ids = web_feed.visitor_ids(np.arange(100_000), np.zeros(100_000))
    assert len(set(ids)) == 100_000
