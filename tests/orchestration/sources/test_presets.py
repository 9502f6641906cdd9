"""The shipped mappings, on records as the systems write them."""

import json
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.conftest import KEY

DAY = date(2026, 1, 5)


def parameter(key, kind, value):
    kinds = ("string", "int", "float", "double")
    return {"key": key, "value": {f"{name}_value": value if name == kind else None for name in kinds}}


def ga4_event(**other):
    return {
        "event_date": "20260105",
        "event_timestamp": 1767607200123456,
        "event_name": "view_search_results",
        "event_params": [
            parameter("page_location", "string", "https://shop.example/suche?q=zelt&utm_source=news&utm_campaign=a%20b"),
            parameter("ga_session_id", "int", 1767607000),
            parameter("search_term", "string", "zelt fuer eva@post.example"),
            parameter("engagement_time_msec", "int", 2500),
            parameter("medium", "string", "(none)"),
            parameter("value", "double", 12.5),
            parameter("currency", "string", "EUR"),
            parameter("colour", "string", "rot"),
        ],
        "event_bundle_sequence_id": 7,
        "batch_event_index": 1,
        "user_pseudo_id": "123.456",
        "user_id": "K-1",
        "privacy_info": {"analytics_storage": "Yes", "ads_storage": "No"},
        "device": {"category": "smart tv", "web_info": {"browser": "Chrome"}},
        "geo": {"country": "Germany"},
        "collected_traffic_source": {
            "manual_source": None, "manual_medium": None, "manual_campaign_name": None, "gclid": "Cj0",
        },
        "items": [{"item_id": "P1", "item_category": "Zelte", "quantity": 2}],
        **other,
    }  # fmt: skip


def as_text(value):
    """BigQuery writes 64-bit numbers as text into JSON, and leaves NULL out."""
    if isinstance(value, dict):
        return {key: as_text(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return str(value) if isinstance(value, int) else value


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_ga4(desk, format):
    events = [
        ga4_event(),
        ga4_event(
            batch_event_index=2, device={"category": "desktop", "web_info": {"browser": "Googlebot"}}, items=[],
            user_id=None,
        ),
    ]  # fmt: skip
    if format == "jsonl":
        desk.write("e_20260105.jsonl", "\n".join(json.dumps(as_text(event)) for event in events) + "\n")
    else:
        pq.write_table(pa.Table.from_pylist(events), desk.folder / "e_20260105.parquet")
    desk.feeds = {"web": {"kind": "files", "preset": "ga4_bigquery", "path": f"e_{{day:%Y%m%d}}.{format}"}}
    [report] = desk.load("web_events", DAY)
    assert report.rows_loaded == 2
    names = (
        "occurred_at, event_name, visitor_id, session_id, customer_key, page_type, utm_source, utm_medium, "
        "utm_campaign, click_id, device_type, country, product_id, category, search_term, quantity, value::double, "
        "currency, engaged_seconds, user_agent_class, consent_analytics, consent_marketing, properties"
    )
    assert desk.rows(f"select {names} from raw.web_events where _row_number = 1") == [
        (
            datetime(2026, 1, 5, 10, 0, 0, 123456, UTC), "search", pseudonym("123.456", KEY), "1767607000",
            pseudonym("k-1", KEY), "search", "news", None, "a b", "Cj0", "other", "DE", "P1", "Zelte",
            "zelt fuer [e-mail]", 2.0, 12.5, "EUR", 2.5, "human", True, False, '{"colour":"rot"}',
        )
    ]  # fmt: skip
    assert desk.rows("select user_agent_class, product_id, customer_key from raw.web_events where _row_number = 2") == [
        ("bot", None, None)
    ]
    assert desk.one("select count(distinct event_id) from raw.web_events") == 2


def test_ga4_ids_are_the_same_in_both_forms_of_the_export(desk):
    desk.write("a_20260105.jsonl", json.dumps(as_text(ga4_event())) + "\n")
    pq.write_table(pa.Table.from_pylist([ga4_event()]), desk.folder / "b_20260105.parquet")
    desk.feeds = {
        name: {"kind": "files", "preset": "ga4_bigquery", "path": path}
        for name, path in (("a", "a_{day:%Y%m%d}.jsonl"), ("b", "b_{day:%Y%m%d}.parquet"))
    }
    desk.load("web_events", DAY)
    assert desk.one("select count(distinct event_id), count(*) from raw.web_events") == (1, 2)


@pytest.mark.parametrize(
    ("path", "page_type"),
    [
        ("/", "home"), ("", "home"), ("/de/", "home"), ("/index.html", "home"), ("/p/P1-zelt", "product"),
        ("/products/tent", "product"), ("/en-gb/products/tent", "product"), ("/p/P1-zelt/bewertungen", "review"),
        ("/c/zelte", "list"), ("/search?q=zelt", "search"), ("/cart", "basket"), ("/warenkorb/", "basket"),
        ("/checkout", "checkout"), ("/checkout/payment", "checkout"), ("/checkout/confirmation", "confirmation"),
        ("/checkout/danke", "confirmation"), ("/account", "account"), ("/account/orders/7", "order_status"),
        ("/account/returns", "returns"), ("/filialen", "store_locator"), ("/merkliste", "wishlist"),
        ("/vergleich", "compare"), ("/chat", "chat"), ("/lp/sommer", "landing"), ("/magazin/ratgeber-1", "content"),
        ("/fehler", "error"), ("/impressum", "other"),
    ],
)  # fmt: skip
def test_page_types_of_shop_addresses(path, page_type):
    from orchestration.sources.expressions import sandbox

    sql = "select shop_page_type(shop_page_folder(path), shop_page_deep(path)) from (select url_path(?) as path)"
    assert sandbox().execute(sql, [f"https://shop.example{path}"]).fetchall() == [(page_type,)]


def test_mastodon(desk):
    post = {
        "id": "1", "created_at": "2026-01-05T10:00:00.000Z", "language": "de", "favourites_count": 3,
        "reblogs_count": 2, "replies_count": 1, "reblog": None, "url": "https://social.example/@eva/1",
        "content": "<p>Danke <a href='x'>@<span>shop</span></a>!<br>Tolles Zelt &amp; Preis. eva@post.example</p>",
        "account": {"acct": "Eva@social.example"}, "tags": [{"name": "shop"}, {"name": "zelt"}],
    }  # fmt: skip
    desk.write("t_20260105.json", json.dumps([post, {**post, "id": "2", "reblog": post}]))
    desk.feeds = {"m": {"kind": "files", "preset": "mastodon_timeline", "path": "t_{day:%Y%m%d}.json"}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_in, report.rows_filtered) == (1, 1)
    names = (
        "post_id, network, posted_at, author_hash, language, text, like_count, repost_count, reply_count, url, topic"
    )
    assert desk.rows(f"select {names} from raw.social_posts") == [
        (
            "1", "mastodon", datetime(2026, 1, 5, 10, tzinfo=UTC), pseudonym("eva@social.example", KEY), "de",
            "Danke [handle]! Tolles Zelt & Preis. [e-mail]", 3, 2, 1, "https://social.example/@_/1", "zelt",
        )
    ]  # fmt: skip


def test_bright_sky(desk):
    hour = {
        "timestamp": "2026-01-05T10:00:00+00:00", "source_id": 1048, "temperature": -1.5, "precipitation": 0.2,
        "sunshine": 30.0, "wind_speed": 18.0, "relative_humidity": 90,
    }  # fmt: skip
    gap = {**hour, "timestamp": "2026-01-05T11:00:00+00:00", "temperature": None}
    desk.write("w_20260105.json", json.dumps({"weather": [hour, gap], "sources": []}))
    desk.feeds = {"w": {"kind": "files", "preset": "brightsky", "path": "w_{day:%Y%m%d}.json"}}
    desk.load("weather_observations", DAY)
    names = "location_id, temperature_celsius, precipitation_mm, sunshine_minutes, wind_speed_ms, humidity_share"
    assert desk.rows(f"select {names} from raw.weather_observations order by observed_at") == [
        ("1048", -1.5, 0.2, 30.0, 5.0, 0.9), ("1048", None, 0.2, 30.0, 5.0, 0.9),
    ]  # fmt: skip
