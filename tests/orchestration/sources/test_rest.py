"""A faulty API never makes a short, green load: the rows are exact, or the load is red and nothing has changed."""

import json
from datetime import date

import pytest

from orchestration.sources.errors import ConfigError, DeliveryError
from tests.orchestration.sources.api_server import ok

DAY = date(2026, 1, 1)
PRODUCTS = [{"id": n, "name": f"product {n}"} for n in range(1, 8)]


def page(params, size=3):
    first = (int(params.get("page", 1)) - 1) * size
    return ok({"items": PRODUCTS[first : first + size], "total": 3})


def names(desk):
    return [name for (name,) in desk.rows("select name from raw.products order by product_id::int")]


def test_all_pages_are_fetched(api, server):
    server.answer = lambda path, params, attempt: page(params)
    desk = api(paginator={"type": "page_number", "base_page": 1, "page_param": "page", "total_path": "total"})
    [report] = desk.load("products")
    assert (report.state, report.rows_in, report.rows_loaded) == ("loaded", 7, 7)
    assert names(desk) == [product["name"] for product in PRODUCTS]


def test_a_cursor_is_followed(api, server):
    def answer(path, params, attempt):
        at = int(params.get("cursor", 0))
        return ok({"items": PRODUCTS[at : at + 2], "next": str(at + 2) if at + 2 < 7 else None})

    server.answer = answer
    desk = api(paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"})
    assert desk.load("products")[0].rows_loaded == 7


def test_the_day_is_asked_for_day_by_day_and_kept_apart(api, server):
    server.answer = lambda path, params, attempt: ok({"items": [{"id": params["from"], "name": params["to"]}]})
    desk = api(params={"from": "{day:%Y-%m-%d}", "to": "{next_day:%d.%m.%Y}"})
    desk.load("products", DAY, date(2026, 1, 31))
    assert desk.rows("select _delivery_date::varchar, product_id, name from raw.products order by 1") == [
        ("2026-01-01", "2026-01-01", "02.01.2026"), ("2026-01-31", "2026-01-31", "01.02.2026"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "first", [(429, {"Retry_After": "1"}, b"slow down"), (503, {}, b""), (200, {}, b'{"items": [{"id"')]
)
def test_a_passing_fault_is_tried_again(api, server, first):
    server.answer = lambda path, params, attempt: first if attempt == 0 else ok({"items": PRODUCTS})
    desk = api()
    assert desk.load("products")[0].rows_loaded == 7
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, {}, b"oops"), "status 500"),
        ((401, {}, b"no"), "status 401"),
        ((200, {}, b'{"items": [{"id": 1, "na'), "not complete JSON"),
        (ok({"error": "quota exceeded"}), "no list of records at items"),
        (ok({"items": {"id": 1}}), "no list of records at items"),
        (ok({"items": None}), "no list of records at items"),
    ],
)
def test_a_lasting_fault_is_red_and_leaves_the_old_rows(api, server, answer, words):
    server.answer = lambda path, params, attempt: ok({"items": PRODUCTS[:2]})
    desk = api(params={"key": "s3cret"})
    desk.load("products")
    server.answer = lambda path, params, attempt: answer
    with pytest.raises(DeliveryError, match=words) as caught:
        desk.load("products")
    assert "s3cret" not in str(caught.value)
    assert names(desk) == ["product 1", "product 2"]


def test_a_page_that_fails_makes_the_whole_day_red(api, server):
    server.answer = lambda path, params, attempt: page(params) if params.get("page") != "2" else (500, {}, b"")
    desk = api(paginator={"type": "page_number", "base_page": 1, "page_param": "page", "total_path": "total"})
    with pytest.raises(DeliveryError) as caught:
        desk.load("products")
    assert [report.state for report in caught.value.reports] == ["truncated"]
    assert names(desk) == []


def test_a_cursor_that_leads_in_a_circle_is_noticed(api, server):
    server.answer = lambda path, params, attempt: ok({"items": PRODUCTS[:2], "next": "same"})
    desk = api(paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "cursor"})
    with pytest.raises(DeliveryError, match="circle"):
        desk.load("products")
    assert names(desk) == []


def test_a_server_that_is_not_there_is_red(api, server):
    desk = api(url="http://127.0.0.1:9/products", params={"key": "s3cret"}, retries=0)
    with pytest.raises(DeliveryError, match="did not answer completely") as caught:
        desk.load("products")
    assert "s3cret" not in str(caught.value)


def test_no_records_is_an_empty_day(api, server):
    server.answer = lambda path, params, attempt: ok({"items": []})
    assert api().load("products")[0].state == "empty"


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        ({"type": "bearer", "token": "t0ken"}, ("Authorization", "Bearer t0ken")),
        ({"type": "api_key", "name": "X-Key", "api_key": "k3y", "location": "header"}, ("X-Key", "k3y")),
        ({"type": "http_basic", "username": "u", "password": "p"}, ("Authorization", "Basic dTpw")),
    ],
)
def test_sign_in(api, server, auth, header):
    server.answer = lambda path, params, attempt: ok({"items": PRODUCTS})
    api(auth=auth).load("products")
    [(_, _, headers)] = server.requests
    assert headers[header[0]] == header[1]


def test_settings_that_do_not_fit_name_the_feed(api, server):
    with pytest.raises(ConfigError, match=r"sources.yaml:\d+: paginator"):
        api(paginator={"type": "offset", "size": 3}).load("products")


def test_a_list_at_the_top_and_nested_records_are_read(api, server):
    server.answer = lambda path, params, attempt: (200, {}, json.dumps([{"id": 1, "n": {"de": "Zelt"}}]).encode())
    desk = api(columns={"product_id": "id", "name": "n.de"})
    del desk.feeds["api"]["records"]
    desk.load("products")
    assert names(desk) == ["Zelt"]
