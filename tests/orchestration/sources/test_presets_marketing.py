"""Advertising, mailings and contacts: files and answers in their documented shape become exactly the expected rows."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest
import yaml

from orchestration.sources.errors import DeliveryError
from orchestration.sources.mapping import Mapper
from orchestration.sources.pseudonyms import Pseudonymiser, pseudonym
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import KEY
from tests.orchestration.sources.preset_rows import answer, expected, loaded, rejected, utc

DAY = date(2026, 1, 5)


@pytest.fixture
def load(desk):
    """Load one file of a day with a preset."""

    def load(entity, preset, text, encoding="utf-8", ending="csv", **feed):
        desk.write(f"f_20260105.{ending}", text.encode(encoding))
        desk.feeds = {"f": {**feed, "kind": "files", "preset": preset, "path": f"f_{{day:%Y%m%d}}.{ending}"}}
        return desk.load(entity, DAY)[-1]  # the day itself comes after those looked back to

    return load


def spend(**columns):
    return {"spend_date": DAY, "currency": "EUR", **columns}


def test_spend_csv(desk, load):
    load(
        "campaign_spend", "spend_csv",
        "spend_date,channel,campaign_id,platform,campaign_name,cost,currency,impressions,clicks\n"
        "2026-01-05,TV,,agency,Spring,12500.00,EUR,1000000,\n"
        "2026-01-05,affiliate,a1,awin,,0.35,CHF,,7\n"
        "2026-01-05,affiliate,a2,awin,,much,CHF,,7\n",
    )  # fmt: skip
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        spend(
            channel="tv", campaign_id="all", platform="agency", campaign_name="Spring", cost="12500.00",
            impressions=1000000,
        ),
        spend(channel="affiliate", campaign_id="a1", platform="awin", cost="0.35", currency="CHF", clicks=7),
    )  # fmt: skip
    assert rejected(desk) == [("bad_number", "cost: much is not an amount")]


GOOGLE_REPORT = """\
Campaign performance
"January 5, 2026 - January 5, 2026"
Day,Campaign ID,Campaign,Campaign type,Currency code,Cost,Impr.,Clicks
2026-01-05,111,"Brand, exact",Search,EUR,"1,234.56","20,000","1,500"
2026-01-05,112,Tents,Performance Max,EUR,0.01,10, --
2026-01-05,113,YouTube,Video,EUR,3.50,300,2
2026-01-05,114,Broken,Search,EUR,3.50,many,2
Total: Campaigns, --, --, --,EUR,"1,238.07","20,310","1,502"
Total: Account, --, --, --,EUR,"1,238.07","20,310","1,502"
"""


def google(**columns):
    return spend(platform="google_ads", **columns)


def test_google_ads_report(desk, load):
    report = load("campaign_spend", "google_ads_report", GOOGLE_REPORT)
    assert (report.rows_filtered, report.rows_loaded, report.rows_quarantined) == (2, 3, 1)
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        google(
            channel="paid_search", campaign_id="111", campaign_name="Brand, exact", cost="1234.56", impressions=20000,
            clicks=1500,
        ),
        google(channel="paid_search", campaign_id="112", campaign_name="Tents", cost="0.01", impressions=10),
        google(
            channel="display", campaign_id="113", campaign_name="YouTube", cost="3.50", impressions=300, clicks=2
        ),
    )  # fmt: skip
    assert rejected(desk) == [("bad_integer", "impressions: many is not a whole number")]


def documented(page):
    """The examples of a page under docs/presets, feed by feed."""
    text = (Path(__file__).parents[3] / "docs" / "presets" / f"{page}.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    return {name: feed for block in blocks for name, feed in block.get("feeds", block).items()}


@pytest.mark.parametrize("page", ["sales", "marketing"])
def test_documented_feeds_are_valid(desk, monkeypatch, page):
    desk.feeds = documented(page)
    for name in set(re.findall(r"\$\{(\w+)\}", json.dumps(desk.feeds))):
        monkeypatch.setenv(name, "x")
    for name in (
        "SHOPWARE_CLIENT_ID",
        "SHOPWARE_CLIENT_SECRET",
        "WOOCOMMERCE_KEY",
        "WOOCOMMERCE_SECRET",
        "SHOPIFY_TOKEN",
    ):
        monkeypatch.setenv(name, "x")
    for name in ("SHOPWARE_URL", "WOOCOMMERCE_URL", "SHOPIFY_URL"):
        monkeypatch.setenv(name, "https://shop.example")
    for feed in desk.config().feeds:
        Mapper(feed, Pseudonymiser(KEY), "Europe/Berlin", utc(2026, 1, 6))


def test_google_ads_report_in_german(desk, load):
    feed = documented("marketing")["google_report"]
    text = (
        "Kampagnenbericht\n5. Januar 2026\nTag,Kampagnen-ID,Kampagne,Kampagnentyp,Währungscode,Kosten,Impr.,Klicks\n"
        '05.01.2026,111,Marke,Suchnetzwerk,EUR,"1.234,56",20.000,1.500\n'
        'Gesamt: Konto, --, --, --,EUR,"1.234,56",20.000,1.500\n'
    )
    report = load("campaign_spend", feed.pop("preset"), text, **feed)
    assert (report.rows_filtered, report.rows_loaded) == (1, 1)
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        google(
            channel="paid_search", campaign_id="111", campaign_name="Marke", cost="1234.56", impressions=20000,
            clicks=1500,
        ),
    )  # fmt: skip


def test_google_ads_micros(desk, load):
    load(
        "campaign_spend", "google_ads_micros",
        "segments.date,campaign.id,campaign.name,campaign.advertising_channel_type,customer.currency_code,"
        "metrics.cost_micros,metrics.impressions,metrics.clicks\n"
        "2026-01-05,111,Brand,SEARCH,EUR,1234560000,20000,1500\n"
        "2026-01-05,112,Tents,DEMAND_GEN,EUR,9999,10,0\n"
        "2026-01-05,113,Broken,SEARCH,EUR,lots,10,0\n",
    )  # fmt: skip
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        google(
            channel="paid_search", campaign_id="111", campaign_name="Brand", cost="1234.56", impressions=20000,
            clicks=1500,
        ),
        google(channel="display", campaign_id="112", campaign_name="Tents", cost="0.01", impressions=10, clicks=0),
    )  # fmt: skip
    assert rejected(desk) == [("bad_mapping", "cost: the expression fails on this row")]


@pytest.mark.parametrize("way", ["rest", "files"])
def test_google_ads_api(desk, load, server, way):
    if way == "files":
        report = load("campaign_spend", "google_ads_api", json.dumps(answer("google_ads/search_stream")), ending="json")
    else:
        server.answer = lambda path, params, attempt: ok(answer("google_ads/search_stream"))
        desk.feeds = {
            "g": {
                "kind": "rest", "preset": "google_ads_api", "from": DAY, "headers": {"developer-token": "dev"},
                "url": f"{server.url}/v21/customers/123/googleAds:searchStream",
                "auth": {"type": "bearer", "token": "t"},
            }
        }  # fmt: skip
        [report] = desk.load("campaign_spend", DAY)
        assert server.requests[-1][1]["query"].endswith("from campaign where segments.date = '2026-01-05'")
    assert (report.rows_in, report.rows_loaded) == (4, 3)
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        google(
            channel="paid_search", campaign_id="111", campaign_name="Marke", cost="1234.56", impressions=20000,
            clicks=1500,
        ),
        google(
            channel="paid_search", campaign_id="112", campaign_name="Zelte PMax", cost="0.01", impressions=10, clicks=0
        ),
        google(channel="display", campaign_id="113", campaign_name="YouTube", cost="0.00", impressions=300, clicks=2),
    )  # fmt: skip
    assert rejected(desk) == [("bad_mapping", "cost: the expression fails on this row")]


@pytest.mark.parametrize("found", [[], [{"fieldMask": "campaign.id", "requestId": "abc"}]])
def test_google_ads_api_on_a_day_without_spend(desk, load, found):
    report = load("campaign_spend", "google_ads_api", json.dumps(found), ending="json")
    assert (report.state, report.rows_in) == ("empty", 0)


def test_meta_ads_export(desk, load):
    load(
        "campaign_spend", "meta_ads_export",
        "Reporting starts,Reporting ends,Campaign name,Campaign ID,Amount spent (EUR),Impressions,Link clicks\n"
        "2026-01-05,2026-01-05,,,5339.57,361336,4211\n"
        "2026-01-05,2026-01-05,Retargeting,120210000000000111,5339.5,361324,4211\n"
        "2026-01-05,2026-01-05,Lookalike,120210000000000112,,12,\n"
        "2026-01-01,2026-01-31,Month,120210000000000113,9.99,1,1\n"
        "2026-01-05,2026-01-05,Nameless,,9.99,1,1\n",
    )  # fmt: skip
    meta = spend(channel="paid_social", platform="meta_ads")
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        {
            **meta, "campaign_id": "120210000000000111", "campaign_name": "Retargeting", "cost": "5339.50",
            "impressions": 361324, "clicks": 4211,
        },
        {**meta, "campaign_id": "120210000000000112", "campaign_name": "Lookalike", "cost": "0.00", "impressions": 12},
    )  # fmt: skip
    assert rejected(desk) == [
        ("bad_date", "spend_date: from 2026-01-01 to 2026-01-31 is not a date"),
        ("missing_key", "campaign_id is empty"),
    ]


def test_meta_ads_api(desk, server):
    def answers(path, params, attempt):
        if params.get("after"):
            return ok(answer("meta_ads/insights_2"))
        first = answer("meta_ads/insights_1")
        first["paging"]["next"] = f"{server.url}{path}?access_token=t0ken&after=MQZDZD"
        return ok(first)

    server.answer = answers
    desk.feeds = {
        "m": {
            "kind": "rest", "preset": "meta_ads_api", "url": f"{server.url}/v23.0/act_1/insights", "from": DAY,
            "auth": {"type": "bearer", "token": "t0ken"},
        }
    }  # fmt: skip
    [report] = desk.load("campaign_spend", DAY)
    assert (report.rows_in, report.rows_loaded) == (3, 2)
    asked = server.requests[0][1]
    assert json.loads(asked["time_range"]) == {"since": "2026-01-05", "until": "2026-01-05"}
    meta = spend(channel="paid_social", platform="meta_ads")
    assert loaded(desk, "campaign_spend") == expected(
        "campaign_spend",
        {
            **meta, "campaign_id": "120210000000000111", "campaign_name": "Retargeting", "cost": "5339.50",
            "impressions": 361324, "clicks": 4211,
        },
        {
            **meta, "campaign_id": "120210000000000112", "campaign_name": "Lookalike", "cost": "0.07",
            "impressions": 12, "clicks": 0,
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_date", "spend_date: from 2026-01-05 to 2026-01-31 is not a date")]
    server.answer = lambda path, params, attempt: ok({"error": {"message": "Too many calls", "code": 17}})
    desk.feeds["m"]["retries"] = 0
    with pytest.raises(DeliveryError) as caught:
        desk.load("campaign_spend", DAY)
    assert "t0ken" not in str(caught.value)


def test_mailings(desk, load):
    load(
        "mailings", "mailings_csv",
        "Werbemittel;Kundennr;Gruppe;Einlieferung;Stückkosten;Währung;Welle;Seiten;Anrede;Vorname;Nachname;Straße;PLZ;Ort\n"
        "F26;K-1;Katalog + Nachfass;05.01.2026;1,25;EUR;1;64;Frau;Erika;Muster;Ringstr. 1;01067;Dresden\n"
        "F26;K-2;Kontrolle;;;EUR;1;;Herr;Max;Muster;Ringstr. 2;01067;Dresden\n"
        "F26;;Katalog;05.01.2026;1,25;EUR;1;64;Herr;Moritz;Muster;Ringstr. 3;01067;Dresden\n",
        encoding="cp1252",
    )  # fmt: skip
    assert loaded(desk, "mailings") == expected(
        "mailings",
        {
            "mailing_id": "F26", "customer_key": "K-1", "arm": "catalog_followup", "dropped_at": utc(2026, 1, 4, 23),
            "unit_cost": "1.25", "currency": "EUR", "wave": "1", "page_count": 64,
        },
        {"mailing_id": "F26", "customer_key": "K-2", "arm": "holdout", "currency": "EUR", "wave": "1"},
    )  # fmt: skip
    assert rejected(desk) == [("missing_key", "customer_key is empty")]
    assert not desk.rows("select 1 from raw.quarantine where payload like '%Moritz%' or payload like '%Ringstr%'")


def contacts(desk):
    """Touchpoints in the order of the file, without the id that is made of the place in it."""
    names = "occurred_at, touchpoint_type, direction, customer_key, channel, campaign_id, store_id, outcome"
    return desk.rows(f"select {names} from raw.touchpoints order by _row_number")


def test_newsletter(desk, load):
    text = (
        "time,event,email,campaign\n"
        "2026-01-05T08:00:00Z,sent,Erika@post.example,NL1\n"
        "2026-01-05T08:00:00Z,sent,max@post.example,NL1\n"
        "2026-01-05T09:00:00Z,Open,erika@post.example ,NL1\n"
        "2026-01-05T09:01:00Z,clicked,erika@post.example,NL1\n"
        "2026-01-05T09:02:00Z,bounce,max@post.example,NL1\n"
        "soon,open,max@post.example,NL1\n"
    )
    report = load("touchpoints", "newsletter_csv", text)
    assert (report.rows_filtered, report.rows_loaded, report.rows_quarantined) == (1, 4, 1)
    erika, peer = pseudonym("erika@post.example", KEY), pseudonym("max@post.example", KEY)
    assert contacts(desk) == [
        (utc(2026, 1, 5, 8), "newsletter_sent", "outbound", erika, "email", "NL1", None, None),
        (utc(2026, 1, 5, 8), "newsletter_sent", "outbound", peer, "email", "NL1", None, None),
        (utc(2026, 1, 5, 9), "newsletter_open", "inbound", erika, "email", "NL1", None, None),
        (utc(2026, 1, 5, 9, 1), "newsletter_open", "inbound", erika, "email", "NL1", None, "click"),
    ]
    first = desk.rows("select touchpoint_id from raw.touchpoints order by 1")
    assert len(set(first)) == 4
    load("touchpoints", "newsletter_csv", text)
    assert desk.rows("select touchpoint_id from raw.touchpoints order by 1") == first
    assert rejected(desk) == [("bad_timestamp", "occurred_at: soon is not a point in time")]


def test_people_of_a_newsletter_are_tied_by_their_address(desk):
    desk.feeds = {"people": documented("marketing")["newsletter_people"]}
    desk.write(
        "crm/events_20260105.csv", "time,event,email,campaign\n2026-01-05T08:00:00Z,sent,Erika@post.example,NL1\n"
    )
    desk.load("identity_links", DAY)
    mail = "erika@post.example"
    assert loaded(desk, "identity_links") == expected(
        "identity_links", {"id_type": "email", "id_value": mail, "customer_key": mail, "seen_at": utc(2026, 1, 5, 8)}
    )


def test_touchpoints_in_the_contracts_words(desk, load):
    header = "touchpoint_id,occurred_at,touchpoint_type,direction,customer_key,channel,campaign_id,store_id,outcome\n"
    load(
        "touchpoints", "touchpoints_csv",
        header + "t1,2026-01-05 10:00,field_sales,outbound,K-1,other,,F1,order\nt2,2026-01-05 10:00,,,,,,,\n",
        timezone="Europe/Berlin",
    )  # fmt: skip
    assert loaded(desk, "touchpoints") == expected(
        "touchpoints",
        {
            "touchpoint_id": "t1", "occurred_at": utc(2026, 1, 5, 9), "touchpoint_type": "field_sales",
            "direction": "outbound", "customer_key": "K-1", "channel": "other", "store_id": "F1", "outcome": "order",
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "touchpoint_type is empty")]


def test_call_log(desk, load):
    load(
        "touchpoints", "call_log",
        "Anrufnr;Beginn;Richtung;Rufnummer;Kundennr;Aktion;Ergebnis\n"
        "1;05.01.2026 10:00:00;eingehend;0351 12 34-5;K-1;;Rückruf\n"
        "2;05.01.2026 10:05;ausgehend;+49 (0)351 12345;;Katalog;Bestellung\n"
        "3;05.01.2026 10:06;eingehend;anonym;;;\n"
        "4;32.01.2026 10:06;eingehend;anonym;;;\n",
        encoding="cp1252",
    )  # fmt: skip
    call = {"touchpoint_type": "call", "direction": "inbound", "channel": "call_centre"}
    assert loaded(desk, "touchpoints") == expected(
        "touchpoints",
        {**call, "touchpoint_id": "1", "occurred_at": utc(2026, 1, 5, 9), "customer_key": "K-1", "outcome": "Rückruf"},
        {
            **call, "touchpoint_id": "2", "occurred_at": utc(2026, 1, 5, 9, 5), "direction": "outbound",
            "customer_key": "+4935112345", "campaign_id": "Katalog", "outcome": "Bestellung",
        },
        {**call, "touchpoint_id": "3", "occurred_at": utc(2026, 1, 5, 9, 6)},
    )  # fmt: skip
    assert rejected(desk) == [("bad_timestamp", "occurred_at: 32.01.2026 10:06 is not a point in time")]


def test_store_visits(desk, load):
    load(
        "touchpoints", "store_visits",
        "Besuchsnr;Zeitpunkt;Kundennr;Filiale;Ergebnis\n"
        "b1;05.01.2026 17:30;K-1;F1;Beratung\n"
        ";05.01.2026 17:30;K-1;F1;\n",
        encoding="cp1252",
    )  # fmt: skip
    assert loaded(desk, "touchpoints") == expected(
        "touchpoints",
        {
            "touchpoint_id": "b1", "occurred_at": utc(2026, 1, 5, 16, 30), "touchpoint_type": "store_visit",
            "direction": "inbound", "customer_key": "K-1", "channel": "store", "store_id": "F1", "outcome": "Beratung",
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_key", "touchpoint_id is empty")]


def test_fairs(desk, load):
    load(
        "touchpoints", "fairs",
        "Kontaktnr;Tag;Messe;Kundennr;EMail;Name;Firma;Telefon;Notiz;Ergebnis\n"
        "m1;05.01.2026;boot26;;erika@post.example;Erika Muster;Muster AG;0351 1;will Zelt;Angebot\n"
        "m2;heute;boot26;K-1;;Erika Muster;Muster AG;0351 1;will Zelt;\n",
        encoding="cp1252",
    )  # fmt: skip
    assert loaded(desk, "touchpoints") == expected(
        "touchpoints",
        {
            "touchpoint_id": "m1", "occurred_at": utc(2026, 1, 5, 11), "touchpoint_type": "fair",
            "direction": "inbound",
            "customer_key": "erika@post.example", "channel": "other", "campaign_id": "boot26", "outcome": "Angebot",
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_timestamp", "occurred_at: heute 12:00 is not a point in time")]
    assert not desk.rows("select 1 from raw.quarantine where payload like '%Muster%' or payload like '%Zelt%'")


def test_experiments(desk, load):
    load(
        "experiments", "experiments_csv",
        "experiment_id,unit_id,unit_type,arm,assigned_at,campaign_id\n"
        "e1,K-1,customer,Holdout,2026-01-05T00:00:00+01:00,c1\n"
        "e1,K-2,customer,treatment,2026-01-05T00:00:00+01:00,c1\n"
        "e1,K-3,customer,,2026-01-05T00:00:00+01:00,c1\n",
    )  # fmt: skip
    unit = {"experiment_id": "e1", "unit_type": "customer", "assigned_at": utc(2026, 1, 4, 23), "campaign_id": "c1"}
    assert loaded(desk, "experiments") == expected(
        "experiments", {**unit, "unit_id": "K-1", "arm": "control"}, {**unit, "unit_id": "K-2", "arm": "treatment"}
    )
    assert rejected(desk) == [("missing_required", "arm is empty")]


@pytest.mark.parametrize(
    ("number", "digits"),
    [
        ("0351 12345", "+4935112345"), ("+49 (0)351 / 123-45", "+4935112345"), ("0049 351 12345", "+4935112345"),
        ("+41 44 668 18 00", "+41446681800"), ("12345", "12345"),
    ],
)  # fmt: skip
def test_one_spelling_of_a_telephone_number(number, digits):
    from orchestration.sources.expressions import sandbox

    assert sandbox().execute("select phone_digits(?)", [number]).fetchall() == [(digits,)]
