"""The shipped mappings of web analytics, on records in the shapes the systems document: every column of every row."""

import gzip
import json
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from orchestration.sources.config import load_config, presets
from orchestration.sources.contract import ENTITIES
from orchestration.sources.errors import ConfigError, DeliveryError
from orchestration.sources.expressions import sandbox
from orchestration.sources.load import load_entity
from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import KEY, NOW

DAY = date(2026, 1, 5)
ANSWERS = Path(__file__).parent / "answers"
COLUMNS = ENTITIES["web_events"].schema.names


def at(day, clock):
    return datetime.fromisoformat(f"2026-01-{day:02d}T{clock}").replace(tzinfo=UTC)


def event(**given):
    """A whole row of the contract: what is not given is empty."""
    assert set(given) <= set(COLUMNS)
    return {**dict.fromkeys(COLUMNS), **given}


def loaded(desk, order="occurred_at, event_name", but=("event_id",)):
    rows = desk.rows(f"select {', '.join(COLUMNS)} from raw.web_events order by {order}")
    return [{**dict(zip(COLUMNS, row, strict=True)), **dict.fromkeys(but)} for row in rows]


def assert_rows(found, expected):
    """The same rows; what differs is named column by column."""
    differing = [
        (number, name, row[name], wanted[name])
        for number, (row, wanted) in enumerate(zip(found, expected, strict=True))
        for name in COLUMNS
        if row[name] != wanted[name]
    ]
    assert differing == []


def rejected(desk):
    return desk.rows("select row_number, reason_code, reason from raw.quarantine order by row_number")


def assert_nowhere(desk, *words):
    """No file that a load leaves behind holds one of the words; the warehouse is also looked at uncompressed."""
    plain = desk.folder / "plain.duckdb"
    with duckdb.connect(config={"force_compression": "uncompressed"}) as connection:
        connection.execute(f"attach '{desk.warehouse}' as packed (read_only)")
        connection.execute(f"attach '{plain}' as plain")
        connection.execute("copy from database packed to plain")
    left = [plain, *(path for path in desk.warehouse.parent.rglob("*") if path.is_file())]
    for path in left:
        content = path.read_bytes()
        assert b"web_events" in content or path != plain
        for word in words:
            assert word.encode() not in content, f"{word} in {path.name}"


# Access logs


def access_log(desk, **other):
    desk.write("access.log", (ANSWERS / "access_log" / "access.log").read_bytes())
    desk.feeds = {
        "log": {
            "kind": "files", "preset": "access_log", "path": "access.log",
            "let": {"site": "'https://www.example.com'"}, **other,
        }
    }  # fmt: skip
    return desk


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)


def reader(address, agent, day):
    return pseudonym(f"{address}|{agent}|{day}", KEY)


def test_access_log(desk):
    [report] = access_log(desk).load("web_events")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined, report.rows_filtered) == (9, 8, 1, 4)
    assert desk.one("select count(distinct event_id) from raw.web_events") == 8
    no = {"consent_analytics": False, "consent_marketing": False}
    human = {"user_agent_class": "human", **no}
    eva, page = reader("203.0.113.7", CHROME, "2026-01-05"), "https://www.example.com"
    iphone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 "
        "Mobile/15E148 Safari/604.1"
    )
    linux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
    google = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    expected = [
        event(
            occurred_at=at(5, "08:00:00"), event_name="page_view", visitor_id=eva, page_type="home",
            page_url=f"{page}/?utm_source=news&utm_medium=email&utm_campaign=jan%20a",
            referrer_url="https://mail.example/inbox", utm_source="news", utm_medium="email", utm_campaign="jan a",
            device_type="desktop", properties='{"status":"200"}', **human,
        ),
        event(
            occurred_at=at(5, "08:01:00"), event_name="search", visitor_id=eva, page_type="search",
            page_url=f"{page}/suche?q=[e-mail]", referrer_url=f"{page}/", device_type="desktop",
            search_term="zelt fuer [e-mail]", properties='{"status":"200"}', **human,
        ),
        event(
            occurred_at=at(5, "08:03:00"), event_name="purchase", visitor_id=eva, page_type="confirmation",
            page_url=f"{page}/checkout/danke", device_type="desktop", properties='{"status":"304"}', **human,
        ),
        event(
            occurred_at=at(5, "08:04:00"), event_name="page_view", page_type="error",
            visitor_id=reader("2001:db8::1f", iphone, "2026-01-05"), page_url=f"{page}/p/P1-zelt?fbclid=IwAR1",
            referrer_url="https://l.facebook.com/", click_id="fbclid:IwAR1", device_type="mobile",
            properties='{"status":"404"}', **human,
        ),
        event(
            occurred_at=at(5, "08:05:00"), event_name="page_view", page_type="other",
            visitor_id=reader("198.51.100.3", linux, "2026-01-05"), page_url=f"{page}/robots.txt",
            device_type="desktop", user_agent_class="bot", properties='{"status":"200"}', **no,
        ),
        event(
            occurred_at=at(5, "08:06:00"), event_name="page_view", page_type="list",
            visitor_id=reader("198.51.100.4", google, "2026-01-05"), page_url=f"{page}/c/zelte", device_type="other",
            user_agent_class="bot", properties='{"status":"200"}', **no,
        ),
        # The same night for the log, the next day for the reader of the morning: nobody is followed from day to day.
        event(
            occurred_at=at(6, "01:30:00"), event_name="page_view", visitor_id=eva, page_type="home",
            page_url=f"{page}/de/", device_type="desktop", properties='{"status":"200"}', **human,
        ),
        event(
            occurred_at=at(6, "08:00:00"), event_name="page_view", page_type="home",
            visitor_id=reader("203.0.113.7", CHROME, "2026-01-06"), page_url=f"{page}/", device_type="desktop",
            properties='{"status":"200"}', **human,
        ),
    ]  # fmt: skip
    assert_rows(loaded(desk), expected)


def test_a_line_of_another_form_is_kept_without_the_address_in_it(desk):
    access_log(desk).load("web_events")
    [(row, code, reason)] = rejected(desk)
    assert (row, code) == (11, "bad_timestamp")
    assert "not in the combined log format" in reason
    assert_nowhere(desk, "203.0.113", "2001:db8", "198.51.100", "AppleWebKit", "Googlebot", "curl", "eva@", "eva%40")


def test_the_site_of_a_log_must_be_named(desk):
    access_log(desk, let={})
    with pytest.raises(ConfigError, match=r"sources\.yaml:\d+: preset access_log needs site under let:"):
        desk.load("web_events")


def test_a_feed_changes_single_entries_of_a_preset(desk):
    access_log(desk, let={"site": "'https://other.example'", "visit_day": "'2026-01-01'::timestamp"})
    desk.feeds["log"]["columns"] = {"page_type": {"const": "content"}, "properties": None}
    desk.load("web_events")
    rows = desk.rows(
        "select distinct page_type, properties, visitor_id from raw.web_events where page_url like '%/de/'"
    )
    assert rows == [("content", None, reader("203.0.113.7", CHROME, "2026-01-01"))]


def test_the_id_of_a_logged_event_cannot_be_used_to_guess_the_address(desk):
    access_log(desk).load("web_events")
    ids = desk.rows("select event_id from raw.web_events order by occurred_at")
    log = (desk.folder / "access.log").read_text()
    desk.write("access.log", log.replace("203.0.113.7", "192.0.2.99").replace("Chrome/131", "Chrome/132"))
    desk.load("web_events")
    assert desk.rows("select event_id from raw.web_events order by occurred_at") == ids


REAL_LOG = Path(__file__).parents[4] / "shared" / "data" / "web_accesslog" / "access.log.gz"
EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "accesslog.yaml"


def log_read_by_hand():
    """Page views of the real log as (visitor, time, robot), read without the preset."""
    form = re.compile(r'(\S+) \S+ \S+ \[(.*?)\] "(.*?)" (\d+) \S+ ".*?" "(.*)"$')
    files = (
        "css", "deb", "doc", "exe", "gif", "gz", "ico", "jar", "jpeg", "jpg", "js", "json", "map", "pdf", "png", "rss",
        "svg", "swf", "tar", "tgz", "ttf", "txt", "woff", "xml", "zip",
    )  # fmt: skip
    lines = [line for line in gzip.decompress(REAL_LOG.read_bytes()).decode().split("\n") if line]
    views = []
    for line in lines:
        address, clock, request, status, agent = form.match(line).groups()
        method, target = request.split(" ")[:2]
        path = re.split("[?#]", target)[0]
        suffix = Path(path).suffix.lower().lstrip(".")
        if method != "GET" or (status.startswith("3") and status != "304"):
            continue
        if suffix in files and not path.endswith("/robots.txt"):
            continue
        moment = datetime.strptime(clock, "%d/%b/%Y:%H:%M:%S %z")
        day = (moment.astimezone(UTC) - timedelta(hours=3)).date()
        says_so = path.endswith("/robots.txt") or re.search("[?&]flav=[^&]", target) is not None
        views.append(((address, agent, day), moment, says_so))
    return lines, views


@pytest.mark.realdata
@pytest.mark.skipif(not REAL_LOG.is_file(), reason="the sample data is not beside the project")
def test_a_real_log_is_read_to_the_last_line(desk):
    lines, views = log_read_by_hand()
    config = load_config(EXAMPLE)
    [report] = load_entity(
        config, "web_events", [DAY], warehouse=desk.warehouse, key=KEY, timezone="Europe/Berlin", now=NOW
    )
    assert len(lines) == 10_001 == report.rows_loaded + report.rows_filtered
    assert report.rows_loaded == report.rows_in == len(views) == 4_170
    assert desk.one("select count(distinct event_id) from raw.web_events") == 4_170
    rows = desk.rows("select visitor_id, occurred_at, user_agent_class = 'bot' from raw.web_events")
    expected = [(pseudonym("|".join(map(str, visitor)), KEY), moment) for visitor, moment, _ in views]
    assert sorted(row[:2] for row in rows) == sorted(expected)
    # Robots by the words most of them use, by hand; the preset knows some more.
    plain = re.compile("bot|crawl|spider|slurp", re.IGNORECASE)
    by_hand = {visitor for visitor, _, told in views if told or plain.search(visitor[1])}
    robots = {visitor for visitor, _, is_robot in rows if is_robot}
    assert {pseudonym("|".join(map(str, visitor)), KEY) for visitor in by_hand} <= robots
    assert len({row[0] for row in rows} - robots) == 968
    addresses = {line.split(" ")[0] for line in lines}
    assert len(addresses) == 1_753
    assert_nowhere(desk, *sorted(addresses)[:200], "AppleWebKit", "Googlebot", "UniversalFeedParser")


@pytest.mark.parametrize(
    ("agent", "kind", "device"),
    [
        (CHROME, "human", "desktop"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.2 "
         "Safari/605.1.15", "human", "desktop"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0", "human", "desktop"),
        ("Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)", "human", "desktop"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile "
         "Safari/537.36", "human", "mobile"),
        ("Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 "
         "Safari/537.36", "human", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 "
         "Mobile/15E148 Safari/604.1", "human", "tablet"),
        ("Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/131.0.0.0 "
         "Mobile Safari/537.36 Instagram 350.0.0.0", "human", "mobile"),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "bot", "other"),
        ("Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
         "bot", "other"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/131.0.0.0 "
         "Safari/537.36", "bot", "desktop"),
        ("UniversalFeedParser/5.0", "bot", "other"), ("python-requests/2.32", "bot", "other"),
        ("WhatsApp/2.24 A", "bot", "other"), ("-", "bot", "other"), ("", "bot", "other"),
    ],
)  # fmt: skip
def test_programs_and_devices_by_the_name_of_the_browser(agent, kind, device):
    assert sandbox().execute("select agent_class($1), agent_device($1)", [agent]).fetchall() == [(kind, device)]


# Google Analytics 4


GA4 = pa.schema(
    [
        ("event_date", pa.string()), ("event_timestamp", pa.int64()), ("event_name", pa.string()),
        ("event_params", pa.list_(pa.struct([
            ("key", pa.string()),
            ("value", pa.struct([
                ("string_value", pa.string()), ("int_value", pa.int64()), ("float_value", pa.float64()),
                ("double_value", pa.float64()),
            ])),
        ]))),
        ("event_bundle_sequence_id", pa.int64()), ("batch_event_index", pa.int64()), ("batch_page_id", pa.int64()),
        ("user_id", pa.string()), ("user_pseudo_id", pa.string()),
        ("privacy_info", pa.struct([
            ("analytics_storage", pa.string()), ("ads_storage", pa.string()), ("uses_transient_token", pa.string()),
        ])),
        ("device", pa.struct([
            ("category", pa.string()), ("language", pa.string()),
            ("web_info", pa.struct([("browser", pa.string()), ("browser_version", pa.string())])),
        ])),
        ("geo", pa.struct([("continent", pa.string()), ("country", pa.string()), ("region", pa.string())])),
        ("collected_traffic_source", pa.struct([
            ("manual_campaign_id", pa.string()), ("manual_campaign_name", pa.string()), ("manual_source", pa.string()),
            ("manual_medium", pa.string()), ("manual_term", pa.string()), ("manual_content", pa.string()),
            ("gclid", pa.string()), ("dclid", pa.string()), ("srsltid", pa.string()),
        ])),
        ("ecommerce", pa.struct([
            ("total_item_quantity", pa.int64()), ("purchase_revenue", pa.float64()), ("transaction_id", pa.string()),
        ])),
        ("items", pa.list_(pa.struct([
            ("item_id", pa.string()), ("item_name", pa.string()), ("item_category", pa.string()),
            ("quantity", pa.int64()), ("price", pa.float64()),
        ]))),
        ("is_active_user", pa.bool_()),
    ]
)  # fmt: skip


def typed(value, kind):
    """A value of the JSON export, in which 64-bit numbers are text, as the Parquet export has it."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return {field.name: typed(value.get(field.name), field.type) for field in kind}
    if pa.types.is_list(kind):
        return [typed(item, kind.value_type) for item in value]
    return int(value) if pa.types.is_int64(kind) else value


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_ga4(desk, format):
    lines = (ANSWERS / "ga4_bigquery" / "events.jsonl").read_text()
    if format == "jsonl":
        desk.write("e_20260105.jsonl", lines)
    else:
        records = [typed(json.loads(line), pa.struct(list(GA4))) for line in lines.splitlines()]
        pq.write_table(pa.Table.from_pylist(records, GA4), desk.folder / "e_20260105.parquet")
    desk.feeds = {
        "web": {
            "kind": "files", "preset": "ga4_bigquery", "path": f"e_{{day:%Y%m%d}}.{format}", "from": date(2026, 1, 5),
        }
    }  # fmt: skip
    [report] = desk.load("web_events", DAY)
    assert (report.rows_in, report.rows_loaded, report.rows_filtered) == (3, 2, 1)
    known = {"visitor_id": pseudonym("123.456", KEY), "session_id": "1767607000", "currency": "EUR", "country": "DE"}
    expected = [
        event(
            occurred_at=at(5, "10:00:00.123456"), event_name="search", customer_key=pseudonym("k-1", KEY),
            page_url="https://shop.example/suche?q=zelt&utm_source=news&utm_campaign=a%20b", page_type="search",
            utm_source="news", utm_campaign="a b", click_id="gclid:Cj0", device_type="other", product_id="P1",
            category="Zelte", search_term="zelt fuer [e-mail]", quantity=2.0, value=Decimal("12.50"),
            engaged_seconds=2.5, user_agent_class="human", consent_analytics=True, consent_marketing=False,
            properties='{"colour":"rot"}', **known,
        ),
        event(
            occurred_at=at(5, "10:01:00"), event_name="purchase", page_url="https://shop.example/checkout/danke",
            page_type="confirmation", device_type="desktop", value=Decimal("49.90"), user_agent_class="bot",
            properties='{"transaction_id":"B-1"}', **known,
        ),
    ]  # fmt: skip
    assert_rows(loaded(desk), expected)
    # Somebody who agreed has a visitor id; without one something is wrong. Somebody who did not has none: left out.
    assert rejected(desk) == [(4, "missing_required", "visitor_id is empty")]


def test_ga4_ids_are_the_same_in_both_forms_of_the_export(desk):
    lines = (ANSWERS / "ga4_bigquery" / "events.jsonl").read_text().splitlines()[:2]
    desk.write("a_20260105.jsonl", "\n".join(lines) + "\n")
    records = [typed(json.loads(line), pa.struct(list(GA4))) for line in lines]
    pq.write_table(pa.Table.from_pylist(records, GA4), desk.folder / "b_20260105.parquet")
    desk.feeds = {
        name: {"kind": "files", "preset": "ga4_bigquery", "path": path, "from": date(2026, 1, 5)}
        for name, path in (("a", "a_{day:%Y%m%d}.jsonl"), ("b", "b_{day:%Y%m%d}.parquet"))
    }
    desk.load("web_events", DAY)
    assert desk.one("select count(distinct event_id), count(*) from raw.web_events") == (2, 4)


def test_ga4_reads_the_days_again_that_google_still_adds_to(desk):
    lines = (ANSWERS / "ga4_bigquery" / "events.jsonl").read_text().splitlines()
    desk.write("e_20260105.jsonl", lines[0] + "\n")
    desk.feeds = {
        "web": {
            "kind": "files", "preset": "ga4_bigquery", "path": "e_{day:%Y%m%d}.jsonl", "from": date(2026, 1, 5),
            "required": False,
        }
    }  # fmt: skip
    desk.load("web_events", DAY)
    desk.write("e_20260105.jsonl", lines[0] + "\n" + lines[1] + "\n")
    desk.load("web_events", date(2026, 1, 9))
    assert desk.one("select count(*) from raw.web_events") == 2
    desk.write("e_20260105.jsonl", lines[0] + "\n")
    desk.load("web_events", date(2026, 1, 10))
    assert desk.one("select count(*) from raw.web_events") == 2


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
    sql = "select shop_page_type(shop_page_folder(path), shop_page_deep(path)) from (select url_path(?) as path)"
    assert sandbox().execute(sql, [f"https://shop.example{path}"]).fetchall() == [(page_type,)]


@pytest.mark.parametrize(
    ("url", "click_id"),
    [
        ("https://shop.example/?a=1&gclid=Cj0#top", "gclid:Cj0"), ("/p?msclkid=7&x=1", "msclkid:7"),
        ("/?fbclid=Iw.AR-1", "fbclid:Iw.AR-1"), ("/?gclid=", None), ("/?myfbclid=1", None), ("/gclid=1", None),
        (None, None),
    ],
)  # fmt: skip
def test_click_ids_say_what_kind_they_are(url, click_id):
    assert sandbox().execute("select url_click_id(?)", [url]).fetchall() == [(click_id,)]


# Matomo


def matomo(desk, server, **other):
    desk.feeds = {
        "matomo": {
            "kind": "rest", "preset": "matomo", "url": f"{server.url}/index.php", "params": {"idSite": 7},
            "retries": 0, **other,
        }
    }  # fmt: skip
    return desk


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("MATOMO_TOKEN", "geheim-0815")
    return "geheim-0815"


def test_matomo(desk, server, token):
    visits = json.loads((ANSWERS / "matomo" / "visits.json").read_text())
    server.answer = lambda path, params, attempt: ok(visits if params["filter_offset"] == "0" else [])
    [report] = matomo(desk, server).load("web_events", DAY)
    assert (report.rows_in, report.rows_loaded, report.rows_filtered) == (7, 6, 1)
    path, params, headers = server.requests[0]
    assert path == "/index.php"
    assert params == {
        "module": "API", "method": "Live.getLastVisitsDetails", "idSite": "7", "period": "day", "date": "2026-01-05",
        "format": "json", "language": "en", "filter_limit": "100", "filter_offset": "0",
    }  # fmt: skip
    assert headers["Authorization"] == f"Bearer {token}"
    buyer = {
        "visitor_id": pseudonym("0a1b2c3d4e5f6071", KEY), "customer_key": pseudonym("k-77", KEY), "session_id": "501",
        "device_type": "mobile", "country": "DE", "user_agent_class": "human",
    }  # fmt: skip
    other = {
        "visitor_id": pseudonym("ffff2c3d4e5f6071", KEY), "session_id": "502", "device_type": "desktop",
        "user_agent_class": "human",
    }  # fmt: skip
    expected = [
        event(
            occurred_at=at(5, "09:00:00"), event_name="view_item", page_url="https://shop.example/p/P1-zelt?gclid=Cj1",
            page_type="product", utm_source="google", utm_medium="cpc", utm_campaign="sommer", utm_content="oben",
            utm_term="zelt", click_id="gclid:Cj1", product_id="P1", category="Zelte", engaged_seconds=60.0,
            properties="{}", **buyer,
        ),
        event(
            occurred_at=at(5, "09:01:00"), event_name="search", page_url="https://shop.example/suche?q=schlafsack",
            page_type="search", search_term="schlafsack", properties="{}", **buyer,
        ),
        event(
            occurred_at=at(5, "09:01:40"), event_name="add_to_wishlist", page_url="https://shop.example/p/P2",
            properties='{"category":"Merkliste","name":"P2"}', **buyer,
        ),
        event(
            occurred_at=at(5, "09:22:00"), event_name="purchase", page_type="confirmation", product_id="P1",
            category="Zelte", quantity=1.0, value=Decimal("219.85"), currency="EUR",
            properties='{"transaction_id":"B-100"}', **buyer,
        ),
        event(
            occurred_at=at(5, "10:00:00"), event_name="page_view", page_url="https://shop.example/", page_type="home",
            referrer_url="https://www.google.com/", utm_source="Google", utm_medium="organic", engaged_seconds=0.0,
            properties="{}", **other,
        ),
        event(
            occurred_at=at(5, "10:01:40"), event_name="add_to_cart", page_type="basket", product_id="P3",
            quantity=2.0, value=Decimal("50.00"), currency="EUR", properties="{}", **other,
        ),
    ]  # fmt: skip
    assert_rows(loaded(desk), expected)
    assert desk.one("select count(distinct event_id) from raw.web_events") == 6
    [(_, code, reason)] = rejected(desk)
    assert (code, reason) == ("missing_required", "visitor_id is empty")
    assert_nowhere(desk, "203.0.113", "0a1b2c3d4e5f6071", token)


def test_matomo_page_by_page(desk, server, token):
    [visit, *_] = json.loads((ANSWERS / "matomo" / "visits.json").read_text())
    visits = [{**visit, "idVisit": str(number)} for number in range(230)]

    def answer(path, params, attempt):
        start = int(params["filter_offset"])
        return ok(visits[start : start + int(params["filter_limit"])])

    server.answer = answer
    [report] = matomo(desk, server).load("web_events", DAY)
    assert report.rows_loaded == 230 * 4
    assert desk.one("select count(distinct event_id), count(distinct session_id) from raw.web_events") == (920, 230)


def test_matomo_failure_with_status_200_is_a_failure(desk, server, token):
    server.answer = lambda path, params, attempt: ok({"result": "error", "message": "You can't access this resource"})
    with pytest.raises(DeliveryError, match=r"the answer reports a failure: .*You can't access this resource"):
        matomo(desk, server).load("web_events", DAY)
    assert desk.one("select count(*) from raw.web_events") == 0


# Snowplow

SNOWPLOW = {"kind": "files", "preset": "snowplow_tsv", "path": "good_{day:%Y%m%d}.tsv", "from": date(2026, 1, 5)}
DOMAIN_USER = "8a1f0000-aaaa-4bbb-8ccc-000000000001"
SESSION = "5c3d0000-aaaa-4bbb-8ccc-000000000003"


def test_snowplow(desk):
    desk.write("good_20260105.tsv", (ANSWERS / "snowplow" / "events.tsv").read_bytes())
    desk.feeds = {"sp": SNOWPLOW}
    [report] = desk.load("web_events", DAY)
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined, report.rows_filtered) == (10, 8, 2, 1)
    shop = "https://shop.example"
    phone = {
        "visitor_id": pseudonym(DOMAIN_USER, KEY), "session_id": SESSION, "device_type": "mobile", "country": "DE",
        "user_agent_class": "human", "properties": "{}",
    }  # fmt: skip
    expected = [
        event(
            occurred_at=at(5, "09:00:00.123000"), event_name="page_view", page_type="list",
            page_url=f"{shop}/c/zelte?utm_source=google&gclid=Cj9", referrer_url="https://www.google.com/",
            utm_source="google", utm_medium="cpc", utm_campaign="sommer", utm_term="zelt", utm_content="a",
            click_id="gclid:Cj9", **phone,
        ),
        event(
            occurred_at=at(5, "09:00:10"), event_name="user_engagement", page_type="list", page_url=f"{shop}/c/zelte",
            engaged_seconds=10.0, **phone,
        ),
        event(
            occurred_at=at(5, "09:00:20"), event_name="view_item", page_type="product", page_url=f"{shop}/zelt-alpin",
            customer_key=pseudonym("k-77", KEY), product_id="P1", category="Zelte", quantity=2.0, **phone,
        ),
        event(
            occurred_at=at(5, "09:00:30"), event_name="search", page_type="search", page_url=f"{shop}/suche",
            search_term="zelt rot", **phone,
        ),
        event(
            occurred_at=at(5, "09:00:40"), event_name="add_payment_info", page_type="checkout",
            page_url=f"{shop}/kasse", **phone,
        ),
        event(
            occurred_at=at(5, "09:00:50"), event_name="purchase", page_type="confirmation", page_url=f"{shop}/fertig",
            product_id="P1", category="Zelte", quantity=2.0, value=Decimal("399.80"), currency="EUR",
            **{**phone, "properties": '{"transaction_id":"B-9"}'},
        ),
        event(
            occurred_at=at(5, "09:01:00"), event_name="page_view", page_type="home", page_url=f"{shop}/",
            visitor_id=pseudonym("w6", KEY), device_type="other", country="DE", user_agent_class="bot",
            consent_analytics=False, consent_marketing=False, properties="{}",
        ),
        event(
            occurred_at=at(5, "09:01:10"), event_name="chat_open", page_type="checkout", page_url=f"{shop}/kasse",
            click_id="msclkid:ms7",
            **{**phone, "user_agent_class": "unknown", "properties": '{"category":"Service","label":"Kasse"}'},
        ),
    ]  # fmt: skip
    assert_rows(loaded(desk), expected)
    ids = [row[0] for row in desk.rows("select event_id from raw.web_events order by 1")]
    assert ids == [str(uuid.UUID(f"00000000-0000-4000-8000-{number:012d}")) for number in range(1, 9)]
    assert [(row, code) for row, code, _ in rejected(desk)] == [(10, "bad_timestamp"), (11, "malformed_row")]
    assert_nowhere(desk, "203.0.113", "Android", "abc@post", DOMAIN_USER)


def snake(name):
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def parquet_form(line):
    """The wide table that the loaders make of a line: a column per entity (a list) and per self-describing event."""
    names = yaml.safe_load(presets()["snowplow_tsv"].read_text())["header"]
    row = {name: value or None for name, value in zip(names, line.split("\t"), strict=True)}
    for name in ("contexts", "derived_contexts"):
        for entity in json.loads(row.pop(name) or '{"data": []}')["data"]:
            vendor, kind, _, version = entity["schema"].removeprefix("iglu:").split("/")
            column = f"contexts_{vendor.replace('.', '_')}_{kind}_{version[0]}"
            row.setdefault(column, []).append({snake(key): value for key, value in entity["data"].items()})
    sent = json.loads(row.pop("unstruct_event") or "null")
    if sent:
        vendor, kind, _, version = sent["data"]["schema"].removeprefix("iglu:").split("/")
        row[f"unstruct_event_{vendor.replace('.', '_')}_{kind}_{version[0]}"] = sent["data"]["data"]
    for name in ("derived_tstamp", "collector_tstamp"):
        row[name] = datetime.fromisoformat(row[name]).replace(tzinfo=UTC)
    return {**row, "tr_total": None, "tr_currency": None, "tr_orderid": None}


def test_snowplow_in_a_lake_gives_the_rows_of_the_stream(desk):
    lines = (ANSWERS / "snowplow" / "events.tsv").read_text().splitlines()[:9]
    desk.write("good_20260105.tsv", "\n".join(lines) + "\n")
    desk.feeds = {"sp": SNOWPLOW}
    desk.load("web_events", DAY)
    expected = loaded(desk, but=())
    rows = [parquet_form(line) for line in lines]
    names = {name: None for row in rows for name in row}
    table = pa.Table.from_pylist([{**names, **row} for row in rows])
    texts = {name: pa.string() for name in table.column_names if table.schema.field(name).type == pa.null()}
    table = table.cast(pa.schema([(f.name, texts.get(f.name, f.type)) for f in table.schema]))
    pq.write_table(table, desk.folder / "lake_20260105.parquet")
    shop = "contexts_com_snowplowanalytics_snowplow_ecommerce"
    sent = "unstruct_event_com_snowplowanalytics_snowplow"
    desk.feeds = {
        "sp": {
            **SNOWPLOW, "preset": "snowplow_parquet", "path": "lake_{day:%Y%m%d}.parquet",
            "let": {
                "action": f"{sent}_ecommerce_snowplow_ecommerce_action_1.type",
                "terms": f"array_to_string({sent}_site_search_1.terms, ' ')",
                "product_id": f"{shop}_product_1[1].id",
                "product_category": f"{shop}_product_1[1].category",
                "product_quantity": f"{shop}_product_1[1].quantity",
                "transaction_id": f"{shop}_transaction_1[1].transaction_id",
                "transaction_revenue": f"{shop}_transaction_1[1].revenue",
                "transaction_currency": f"{shop}_transaction_1[1].currency",
                "payment_method": f"{shop}_checkout_step_1[1].payment_method",
                "page_kind": f"{shop}_page_1[1].type",
                "page_id": "contexts_com_snowplowanalytics_snowplow_web_page_1[1].id",
                "iab_robot": "contexts_com_iab_snowplow_spiders_and_robots_1[1].spider_or_robot::varchar",
                "yauaa_device": "contexts_nl_basjes_yauaa_context_1[1].device_class",
            },
        }
    }  # fmt: skip
    desk.load("web_events", DAY)
    assert_rows(loaded(desk, but=()), expected)


def test_snowplow_in_a_lake_without_the_shop_plugin(desk):
    plain = {
        **dict.fromkeys(
            ("user_id", "page_referrer", "refr_medium", "refr_source", "refr_term", "mkt_medium", "mkt_source",
             "mkt_term", "mkt_content", "mkt_campaign", "mkt_clickid", "mkt_network", "se_action", "se_category",
             "se_label", "tr_orderid", "tr_currency", "network_userid"), ""
        ),
        "event": "page_view", "event_name": "page_view", "event_id": "e1", "domain_userid": "d1",
        "domain_sessionid": "s1", "derived_tstamp": datetime(2026, 1, 5, 9), "tr_total": None, "geo_country": "AT",
        "page_url": "https://shop.example/p/1", "page_urlpath": "/p/1", "dvce_type": "Tablet",
    }  # fmt: skip
    table = pa.Table.from_pylist([plain])
    table = table.set_column(table.column_names.index("tr_total"), "tr_total", pa.array([None], pa.float64()))
    pq.write_table(table, desk.folder / "lake_20260105.parquet")
    desk.feeds = {"sp": {**SNOWPLOW, "preset": "snowplow_parquet", "path": "lake_{day:%Y%m%d}.parquet"}}
    desk.load("web_events", DAY)
    expected = [
        event(
            occurred_at=at(5, "09:00:00"), event_name="page_view", visitor_id=pseudonym("d1", KEY), session_id="s1",
            page_url="https://shop.example/p/1", page_type="product", device_type="tablet", country="AT",
            user_agent_class="unknown", properties="{}",
        )
    ]  # fmt: skip
    assert_rows(loaded(desk), expected)
