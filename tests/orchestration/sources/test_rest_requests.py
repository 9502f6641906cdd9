"""What is asked of an API, and what is made of its answers: days, elements, bodies, shapes, sign-in, pace."""

import contextlib
import socket
import threading
import time
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import pytest

from orchestration.sources import rest_client
from orchestration.sources.errors import DeliveryError
from tests.orchestration.sources.api_server import ok

DAY = date(2026, 1, 1)
NAMES = [{"id": n, "name": f"Zelt {n}"} for n in range(1, 8)]


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(rest_client, "BACKOFF", 0.005)


def rows(desk):
    return desk.rows("select product_id, name from raw.products order by product_id")


def test_one_request_per_element_is_one_delivery(api, server):
    server.answer = lambda path, params, attempt: ok(
        {"items": [{"id": 1, "name": f"{path} {params['lat']} {params['day']}"}]}
    )
    desk = api(
        url=f"{server.url}/stations/{{each.station}}",
        params={"lat": "{each.lat}", "day": "{day:%d.%m.%Y}"},
        for_each=[{"station": "L1", "lat": 51.3, "shop": "leipzig"}, {"station": "B2", "lat": 52, "shop": "berlin"}],
        columns={"product_id": {"sql": "concat_ws('-', _each.shop, id)"}, "name": "name", "brand": "_each.station"},
    )
    [report] = desk.load("products", DAY)
    assert (report.rows_in, report.rows_loaded) == (2, 2)
    assert desk.rows("select product_id, name, brand from raw.products order by 1") == [
        ("berlin-1", "/stations/B2 52 01.01.2026", "B2"),
        ("leipzig-1", "/stations/L1 51.3 01.01.2026", "L1"),
    ]


def test_an_element_that_fails_makes_the_delivery_red(api, server):
    server.answer = lambda path, params, attempt: ok({"items": NAMES}) if params["q"] == "a" else (500, {}, b"")
    desk = api(for_each=["a", "b"], params={"q": "{each}"})
    with pytest.raises(DeliveryError, match="status 500"):
        desk.load("products")
    assert rows(desk) == []


def test_an_element_keeps_its_type_in_a_body(api, server):
    server.answer = lambda path, params, attempt: ok({"items": NAMES[:1]})
    desk = api(method="POST", body={"site": "{each.site}", "text": "site {each.site}"}, for_each=[{"site": 7}])
    desk.load("products")
    assert server.requests[0][1] == {"site": 7, "text": "site 7"}


def test_a_day_begins_at_the_midnight_of_the_business(api, server):
    server.answer = lambda path, params, attempt: ok({"items": [{"id": 1, "name": "x"}]})
    params = {"a": "{day:%Y-%m-%dT%H:%M:%S%z}", "b": "{next_day_utc}", "c": "{day_unix}", "d": "{day_utc:%H:%M}"}
    api(params=params).load("products", date(2026, 3, 29))
    [(_, sent, _)] = server.requests
    assert sent == {
        "a": "2026-03-29T00:00:00+0100", "b": "2026-03-29T22:00:00Z", "c": "1774738800", "d": "23:00",
    }  # fmt: skip


@pytest.mark.parametrize("paged", ["graphql", "page in the body", "offset in the body"])
def test_pages_are_asked_for_in_the_body(api, server, paged):
    def answer(path, params, attempt):
        if paged == "graphql":
            at = int(params["variables"]["after"] or 0)
            info = {"hasNextPage": at + 3 < 7, "endCursor": str(at + 3)}
            return ok({"data": {"items": {"nodes": NAMES[at : at + 3], "pageInfo": info}}})
        at = (params["page"] - 1) * 3 if "page" in params else params["offset"]
        return ok({"data": {"items": {"nodes": NAMES[at : at + 3]}}, "total": 7})

    server.answer = answer
    body, paginator = {
        "graphql": (
            {"query": "{ items { nodes { id } } }", "variables": {"after": None}},
            {
                "type": "cursor", "cursor_path": "data.items.pageInfo.endCursor", "cursor_body_path": "variables.after",
                "has_more_path": "data.items.pageInfo.hasNextPage",
            },
        ),
        "page in the body": ({"limit": 3}, {"type": "page_number", "base_page": 1, "page_body_path": "page"}),
        # The API gives 3 at once, whatever is asked for.
        "offset in the body": (
            {}, {"type": "offset", "limit": 3, "offset_body_path": "offset", "limit_body_path": "limit"},
        ),
    }[paged]  # fmt: skip
    desk = api(method="POST", body=body, paginator=paginator, records="data.items.nodes")
    assert desk.load("products")[0].rows_loaded == 7
    assert desk.feeds["api"]["body"] == body


def test_an_offset_goes_on_where_the_page_ended(api, server):
    server.answer = lambda path, params, attempt: ok({"items": NAMES[int(params["offset"]) :][:3]})
    desk = api(paginator={"type": "offset", "limit": 100})
    with pytest.raises(DeliveryError, match="page 1 has fewer than 100 records, yet another page follows"):
        desk.load("products")
    desk = api(paginator={"type": "offset", "limit": 100, "total_path": "total"})
    server.answer = lambda path, params, attempt: ok({"items": NAMES[int(params["offset"]) :][:3], "total": 7})
    with pytest.raises(DeliveryError, match="yet another page follows"):
        desk.load("products")
    assert rows(desk) == []


def test_inner_lists_are_records_that_know_what_is_around_them(api, server):
    orders = [
        {"id": "A1", "at": "2026-01-01", "lines": {"nodes": [{"no": 1, "name": "Zelt"}, {"no": 2, "name": "Hering"}]}},
        {"id": "A2", "at": "2026-01-01", "lines": {"nodes": []}},
        {"id": "A3", "at": "2026-01-01", "lines": {"nodes": [{"no": 1, "name": "Kocher"}]}},
    ]
    server.answer = lambda path, params, attempt: ok({"data": {"orders": orders}, "total": len(orders)})
    columns = {"product_id": {"sql": "concat_ws('-', _parent.id, no)"}, "name": "name", "brand": "_parent.at"}
    desk = api(records="data.orders[].lines.nodes", total="total", columns=columns)
    [report] = desk.load("products")
    assert report.rows_in == 3, "the total counts orders, the delivery counts lines"
    assert rows(desk) == [("A1-1", "Zelt"), ("A1-2", "Hering"), ("A3-1", "Kocher")]
    server.answer = lambda path, params, attempt: ok({"data": {"orders": [{"id": "A4"}]}, "total": 1})
    with pytest.raises(DeliveryError, match=r"no record has a list at lines.nodes"):
        desk.load("products")


@pytest.mark.parametrize("inside", [False, True])
def test_an_object_of_columns_is_read_as_rows(api, server, inside):
    hourly = {"time": ["2026-01-01T00:00", "2026-01-01T01:00"], "temperature_2m": [1.5, None]}
    answer = {"latitude": 51.3, "hourly": hourly, "hourly_units": {"time": "iso8601"}}
    server.answer = lambda path, params, attempt: ok([answer] if inside else answer)
    desk = api(
        records="[].hourly" if inside else "hourly", records_shape="columns", for_each=["Leipzig"],
        params={"q": "{each}"},
        columns={"product_id": "time", "name": "_each", "price": "temperature_2m"} | (
            {"brand": "_parent.latitude"} if inside else {}
        ),
    )  # fmt: skip
    assert desk.load("products")[0].rows_loaded == 2
    assert desk.rows("select product_id, name, price::double, brand from raw.products order by 1") == [
        ("2026-01-01T00:00", "Leipzig", 1.5, "51.3" if inside else None),
        ("2026-01-01T01:00", "Leipzig", None, "51.3" if inside else None),
    ]
    hourly["temperature_2m"].pop()
    with pytest.raises(DeliveryError, match="not equally long"):
        desk.load("products")


@pytest.mark.parametrize(
    ("settings", "answer", "words"),
    [
        ({"total": "total"}, ok({"items": NAMES, "total": 8}), "7 of 8 records arrived"),
        ({"total": "total"}, ok({"items": NAMES, "total": 6}), "7 of 6 records arrived"),
        ({"total": "total"}, ok({"items": [], "total": 6}), "0 of 6 records arrived"),
        ({"total": "total"}, ok({"items": [*NAMES, NAMES[0]], "total": 8}), "1 of 8 records came twice"),
        ({"total": "total"}, ok({"items": NAMES}), "does not say the total"),
        ({"total": {"header": "X-WP-Total"}}, ok({"items": NAMES}, X_WP_Total="9"), "7 of 9 records arrived"),
        ({"errors": "errors"}, ok({"items": NAMES, "errors": [{"message": "Throttled"}]}), "Throttled"),
        ({"errors": [{"result": "error"}, "gone"]}, ok({"items": NAMES, "result": "error"}), "reports a failure"),
        ({"errors": "items[].more"}, ok({"items": [{"id": 1, "more": True}]}), "reports a failure: true"),
        ({}, (204, {}, b""), "no content"),
        ({}, (200, {}, b"[" * 100_000), "not complete JSON"),
        ({}, (200, {"Content-Type": "text/html"}, b"<html>sign in</html>"), "20 bytes of text/html"),
        ({}, (301, {"Location": "https://new.example/products"}, b""), "moved; correct url"),
        ({"paginator": {"type": "header_link"}},
         ok({"items": NAMES}, Link='<http://elsewhere.example/2>; rel="next"'), "lies on http://elsewhere.example"),
        ({"paginator": {"type": "cursor", "cursor_path": "next", "cursor_param": "c", "has_more_path": "more"}},
         ok({"items": NAMES, "next": "2"}), "lacks what the paginator cursor needs"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_the_truth_is_red(api, server, settings, answer, words):
    server.answer = lambda path, params, attempt: answer
    desk = api(**settings)
    with pytest.raises(DeliveryError, match=words):
        desk.load("products")
    assert rows(desk) == []


def test_nothing_in_the_errors_is_no_failure(api, server):
    server.answer = lambda path, params, attempt: ok({"items": NAMES, "errors": [], "result": "success"})
    assert api(errors=["errors", {"result": "error"}]).load("products")[0].rows_loaded == 7


def test_a_short_answer_that_passes_is_asked_for_again(api, server):
    """No total, no page size: an empty page, and one that ends the list, are believed when two answers agree."""
    pages = {"": (NAMES[:3], "3"), "3": (NAMES[3:6], "6"), "6": (NAMES[6:], None)}

    def answer(path, params, attempt):
        items, following = pages[params.get("c", "")]
        if attempt == 0 and params.get("c") == "3":
            items, following = items[:2], None
        if attempt == 0 and not params:
            items = []
        return ok({"items": items, **({"next": following} if following else {})})

    server.answer = answer
    desk = api(paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "c"})
    assert desk.load("products")[0].rows_loaded == 7


def test_a_login_gives_a_token_that_is_renewed_when_it_has_run_out(api, server):
    tokens = []

    def answer(path, params, attempt):
        if path == "/session":
            assert params == {"identifier": "shop", "password": "app-word"}
            tokens.append(f"token{len(tokens)}")
            return ok({"accessJwt": tokens[-1]})
        if server.requests[-1][2]["Authorization"] == "Bearer token0" and params.get("c") == "1":
            return 400, {}, b'{"error": "ExpiredToken"}'
        return ok({"items": NAMES[:4], "next": "1"} if "c" not in params else {"items": NAMES[4:]})

    server.answer = answer
    auth = {"type": "login", "url": f"{server.url}/session", "token": "accessJwt",
            "body": {"identifier": "shop", "password": "app-word"}}  # fmt: skip
    desk = api(auth=auth, paginator={"type": "cursor", "cursor_path": "next", "cursor_param": "c"})
    assert desk.load("products")[0].rows_loaded == 7
    assert tokens == ["token0", "token1"]


def test_oauth_signs_in_once_for_all_days(api, server):
    def answer(path, params, attempt):
        if path == "/token":
            assert (params["grant_type"], params["client_id"]) == ("client_credentials", "me")
            return ok({"access_token": "t0ken", "expires_in": 3600})
        assert server.requests[-1][2]["Authorization"] == "Bearer t0ken"
        return ok({"items": [{"id": params["day"], "name": "x"}]})

    server.answer = answer
    auth = {"type": "oauth2_client_credentials", "access_token_url": f"{server.url}/token", "client_id": "me",
            "client_secret": "s"}  # fmt: skip
    desk = api(auth=auth, params={"day": "{day}"})
    assert len(desk.load("products", *(DAY + timedelta(days=n) for n in range(3)))) == 3
    assert [path for path, _, _ in server.requests].count("/token") == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_pause_an_api_asks_for_is_kept(api, server, form):
    moments = []

    def answer(path, params, attempt):
        moments.append(time.time())
        if attempt:
            return ok({"items": NAMES})
        # A date has whole seconds: two of them are more than one and at most two.
        until = datetime.now(UTC) + timedelta(seconds=2)
        return 429, {"Retry_After": "1" if form == "seconds" else format_datetime(until, usegmt=True)}, b""

    server.answer = answer
    assert api().load("products")[0].rows_loaded == 7
    assert 0.95 <= moments[1] - moments[0] < 10


def test_a_pause_that_is_too_long_is_red_at_once(api, server):
    server.answer = lambda path, params, attempt: (429, {"Retry_After": "7200"}, b"")
    begin = time.monotonic()
    with pytest.raises(DeliveryError, match="asks to wait 7200 seconds"):
        api(retries=5).load("products")
    assert len(server.requests) == 1
    assert time.monotonic() - begin < 60


def test_requests_keep_the_pace_of_the_feed(api, server):
    moments = []

    def answer(path, params, attempt):
        moments.append(time.monotonic())
        return ok({"items": NAMES[:1]})

    server.answer = answer
    begin = time.monotonic()
    api(rate_limit=60, for_each=["a", "b", "c"], params={"q": "{each}"}).load("products")
    assert moments[2] - begin >= 2


@pytest.mark.parametrize("manner", ["hangs", "drips"])
def test_a_server_that_never_ends_is_left(api, manner):
    """One that says nothing ends by `timeout`; one that says a little every now and then only by `deadline`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                connection, _ = listener.accept()
                threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection):
            connection.recv(65536)
            with contextlib.suppress(OSError):  # the other side has had enough
                if manner == "drips":
                    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"items": []}')
                while not stop.wait(0.05):
                    if manner == "drips":
                        connection.sendall(b" ")

        threading.Thread(target=serve, daemon=True).start()
        begin = time.monotonic()
        desk = api(url=f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout=0.3, deadline=1.0)
        with pytest.raises(DeliveryError, match=r"timed out|within 1 seconds"):
            desk.load("products")
        assert time.monotonic() - begin < 30
        stop.set()


def test_an_api_that_is_down_is_not_asked_for_every_day(api, server):
    server.answer = lambda path, params, attempt: (500, {}, b"")
    desk = api(params={"day": "{day}"}, retries=0)
    with pytest.raises(DeliveryError, match="not asked for after 3 failures in a row") as caught:
        desk.load("products", *(DAY + timedelta(days=n) for n in range(10)))
    assert len(server.requests) == 3
    assert [report.state for report in caught.value.reports] == ["missing"] * 10


def test_a_record_that_no_text_can_hold_is_kept_apart(api, server):
    server.answer = lambda path, params, attempt: (
        200,
        {},
        b'{"items": [{"id": 1, "name": "\\ud83d"}, {"id": 2, "name": "\xc3\xbc"}]}',
    )
    desk = api()
    [report] = desk.load("products")
    assert (report.rows_in, report.rows_quarantined) == (2, 1)
    assert rows(desk) == [("2", "ü")]
