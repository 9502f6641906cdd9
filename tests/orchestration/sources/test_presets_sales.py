"""Shops and ERP systems: answers as they are documented become exactly the rows a person computes from them."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.sources.errors import DeliveryError
from orchestration.sources.expressions import sandbox
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.preset_rows import answer, expected, loaded, rejected, utc

DAY = date(2026, 1, 5)
SANDBOX = sandbox()


@pytest.fixture
def shopware(desk, server, monkeypatch):
    """A Shopware that gives a token, then pages of what the address names."""
    monkeypatch.setenv("SHOPWARE_URL", server.url)
    monkeypatch.setenv("SHOPWARE_CLIENT_ID", "SWIA")
    monkeypatch.setenv("SHOPWARE_CLIENT_SECRET", "s3cret")
    files = {"order": "orders", "order-line-item": "order_lines", "product": "products", "customer": "customers"}

    def answers(path, params, attempt):
        if path == "/api/oauth/token":
            known = params["client_secret"] == "s3cret" and params["grant_type"] == "client_credentials"
            token = {"token_type": "Bearer", "expires_in": 600, "access_token": "t0ken"}
            return ok(token) if known else (401, {}, b"{}")
        if server.requests[-1][2]["Authorization"] != "Bearer t0ken":
            return 401, {}, b"{}"
        assert server.requests[-1][2]["Accept"] == "application/json"
        assert params["total-count-mode"] == 1
        page = params["page"]
        total = answer(f"shopware/{files[path.split('/')[-1]]}_1")["total"]
        return ok(answer(f"shopware/{files[path.split('/')[-1]]}_{page}") if page < 3 else {"total": total, "data": []})

    server.answer = answers
    return _shop(desk, "shopware")


@pytest.fixture
def woocommerce(desk, server, monkeypatch):
    """A WooCommerce whose pages are linked in the header."""
    monkeypatch.setenv("WOOCOMMERCE_URL", server.url)
    monkeypatch.setenv("WOOCOMMERCE_KEY", "ck_1")
    monkeypatch.setenv("WOOCOMMERCE_SECRET", "cs_1")

    def answers(path, params, attempt):
        if server.requests[-1][2].get("Authorization") != "Basic Y2tfMTpjc18x":
            return 401, {}, b"{}"
        name = path.split("/")[-1]
        number = int(params.get("page", 1))
        pages = [answer(f"woocommerce/{name}_{n}") for n in (1, 2)]
        links = {"Link": f'<{server.url}{path}?page=2>; rel="next"'} if number == 1 else {}
        return ok(pages[number - 1], **links, X_WP_Total=str(sum(map(len, pages))), X_WP_TotalPages="2")

    server.answer = answers
    return _shop(desk, "woocommerce")


@pytest.fixture
def shopify(desk, server, monkeypatch):
    """A Shopify that is throttled once, then answers page by page."""
    monkeypatch.setattr("orchestration.sources.rest_client.BACKOFF", 0.01)
    monkeypatch.setenv("SHOPIFY_URL", server.url)
    monkeypatch.setenv("SHOPIFY_TOKEN", "shpat_1")

    def answers(path, params, attempt):
        assert path == "/admin/api/2026-07/graphql.json"
        if server.requests[-1][2].get("X-Shopify-Access-Token") != "shpat_1":
            return 401, {}, b"{}"
        if len(server.requests) == 1:
            return ok({"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]})
        name = {"Orders": "orders", "OrderLines": "order_lines", "Products": "products", "Customers": "customers"}[
            params["query"].split("(")[0].split()[1]
        ]
        after = params["variables"].get("after")
        first = answer(f"shopify/{name}_1")
        cursor = first["data"]["orders" if "orders" in first["data"] else name]["pageInfo"]["endCursor"]
        assert after in (None, cursor)
        return ok(answer(f"shopify/{name}_2") if after else first)

    server.answer = answers
    return _shop(desk, "shopify")


def _shop(desk, system):
    def load(entity, what=None):
        desk.feeds = {what or entity: {"kind": "rest", "preset": f"{system}_{what or entity}"}}
        return desk.load(entity, DAY)[0]

    return load


def filters(server):
    """What the last request asked for, as text."""
    return json.dumps(server.requests[-1][1])


def assert_lines_add_up(desk):
    """Revenue is the same thing in both tables: lines of an order add up to its net amount."""
    sums = dict(desk.rows("select order_id, sum(net_amount) from raw.order_lines group by order_id"))
    orders = dict(desk.rows("select order_id, net_amount from raw.orders"))
    assert orders
    assert {key: sums[key] for key in orders} == orders


def test_shopware_orders(desk, shopware, server):
    report = shopware("orders")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (4, 3, 1)
    assert '"gte": "2026-01-05T00:00:00.000Z", "lt": "2026-01-06T00:00:00.000Z"' in filters(server)
    assert loaded(desk, "orders") == expected(
        "orders",
        {
            "order_id": "10001", "ordered_at": utc(2026, 1, 5, 10, 0, 0, 123000), "customer_key": "K-1",
            "sales_channel": "web", "ship_postal_code": "01067", "ship_country": "DE",
            # Merchandise with tax 119.00 + 10.70 - 11.90, its taxes 19.00 + 0.70 - 1.90; shipping 4.90.
            "gross_amount": "122.70", "net_amount": "100.00", "discount_amount": "10.00", "coupon_code": "SOMMER10",
            "currency": "EUR", "status": "partly_returned", "is_b2b": False,
        },
        {
            "order_id": "10002", "ordered_at": utc(2026, 1, 5, 22, 30), "customer_key": "K-2", "sales_channel": "web",
            "ship_postal_code": "8001", "ship_country": "CH",
            # Prices without tax: 60.00 + 10.00 + 20.00 (inside the container, whose 30.00 do not count again) - 5.00.
            "gross_amount": "101.15", "net_amount": "85.00", "discount_amount": "5.00", "currency": "CHF",
            "status": "shipped", "is_b2b": True,
        },
        {
            "order_id": "10003", "ordered_at": utc(2026, 1, 5, 23, 59, 59, 999000), "customer_key": "K-3",
            "sales_channel": "web", "ship_postal_code": "1010", "ship_country": "AT", "gross_amount": "49.90",
            "net_amount": "49.90", "discount_amount": "0.00", "currency": "EUR", "status": "cancelled", "is_b2b": False,
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "ordered_at is empty")]
    # The same from the figures Shopware computes for the whole order.
    own = {}
    for order in (*answer("shopware/orders_1")["data"], *answer("shopware/orders_2")["data"]):
        shipping = order["shippingCosts"]
        taxes = sum(part["tax"] for part in shipping["calculatedTaxes"]) if order["taxStatus"] == "gross" else 0
        own[order["orderNumber"]] = round(order["amountNet"] - shipping["totalPrice"] + taxes, 2)
    rows = dict(desk.rows("select order_id, net_amount::double from raw.orders"))
    assert rows == {key: own[key] for key in rows}


def test_shopware_order_lines(desk, shopware, server):
    report = shopware("order_lines")
    # Promotion, credit and container are no merchandise.
    assert (report.rows_in, report.rows_filtered, report.rows_loaded, report.rows_quarantined) == (7, 3, 6, 1)
    assert filters(server).count("2026-01-06T00:00:00.000Z") == 6

    def line(number):
        return int(f"7777777{number:08x}", 16)  # the tail of the id

    assert loaded(desk, "order_lines") == expected(
        "order_lines",
        {
            "order_id": "10001", "line_no": line(1), "product_id": "SW-A", "quantity": 2.0, "net_amount": "90.00",
            "cost_amount": "60.00", "returned_quantity": 1.0, "returned_at": utc(2026, 1, 9, 8),
        },
        # The promotion is for the other product only.
        {"order_id": "10001", "line_no": line(2), "product_id": "SW-B", "quantity": 1.0, "net_amount": "10.00"},
        # 5.00 of credit over 60.00, 10.00 and 20.00.
        {
            "order_id": "10002", "line_no": line(11), "product_id": "SW-C", "quantity": 3.0, "net_amount": "56.67",
            "cost_amount": "28.50",
        },
        {"order_id": "10002", "line_no": line(14), "product_id": "SW-D", "quantity": 1.0, "net_amount": "9.44"},
        {"order_id": "10002", "line_no": line(15), "product_id": "SW-E", "quantity": 1.0, "net_amount": "18.89"},
        {"order_id": "10003", "line_no": line(21), "product_id": "custom", "quantity": 1.0, "net_amount": "49.90"},
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "quantity is empty")]
    shopware("orders")
    assert_lines_add_up(desk)


@pytest.mark.parametrize("gone", ["lineItems", "taxStatus"])
def test_shopware_lines_without_their_order_are_not_dropped(desk, shopware, server, gone):
    rows = answer("shopware/order_lines_1")["data"][:1]
    del rows[0]["order"][gone]
    signed_in = server.answer
    server.answer = lambda path, params, attempt: (
        signed_in(path, params, attempt) if "token" in path else ok({"total": 1, "data": rows[: 2 - params["page"]]})
    )
    report = shopware("order_lines")
    assert (report.rows_filtered, report.rows_quarantined) == (0, 1)
    assert rejected(desk) == [("missing_required", "net_amount is empty")]


cents = st.integers(-1_000_000, 1_000_000).map(lambda amount: amount / 100)


@settings(max_examples=50)
@given(cents, st.lists(st.integers(0, 100_000).map(lambda weight: weight / 100), min_size=1, max_size=20))
def test_what_is_shared_out_adds_up(amount, weights):
    query = "select list_transform(range(1, len($weights) + 1), lambda place: shared_out($amount, $weights, place))"
    [(parts,)] = SANDBOX.execute(query, {"amount": amount, "weights": weights}).fetchall()
    assert round(sum(parts), 2) == (amount if sum(weights) else 0)
    total = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - (amount * weight / total if total else 0)) < 0.0101


def test_shopware_products_customers_identities(desk, shopware):
    shopware("products")
    assert loaded(desk, "products") == expected(
        "products",
        {
            "product_id": "SW-A", "name": "Zelt Fjäll 3", "category": "Zelte", "brand": "Fjäll", "price": "59.50",
            "currency": "EUR",
        },
        {
            "product_id": "SW-B", "name": "Wanderführer Harz", "category": "Katalog", "price": "10.70",
            "currency": "EUR",
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "name is empty")]
    shopware("customers")
    assert loaded(desk, "customers") == expected(
        "customers",
        {"customer_key": "K-1", "segment": "Standard", "postal_code": "01067", "country": "DE"},
        {"customer_key": "K-3", "segment": "guest", "postal_code": "1010", "country": "AT"},
    )
    assert ("missing_key", "customer_key is empty") in rejected(desk)
    shopware("identity_links", "identities")
    # Two customers, one address, however it is spelt.
    link = {"id_type": "email", "id_value": "erika@post.example", "seen_at": utc(2025, 12, 1, 9)}
    assert loaded(desk, "identity_links") == expected(
        "identity_links", {**link, "customer_key": "K-1"}, {**link, "customer_key": "K-3"}
    )


def test_woocommerce_orders(desk, woocommerce, server):
    report = woocommerce("orders")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (5, 4, 1)
    asked = server.requests[0][1]
    assert (asked["modified_after"], asked["modified_before"]) == ("2026-01-05T00:00:00", "2026-01-06T00:00:01")
    common = {"sales_channel": "web", "ship_country": "DE", "discount_amount": "0.00", "currency": "EUR",
              "is_b2b": False}  # fmt: skip
    assert loaded(desk, "orders") == expected(
        "orders",
        {
            # 134.95 paid = 90.00 + 20.03 merchandise + 4.90 shipping + 20.02 tax; without zone, yet UTC.
            **common, "order_id": "727", "ordered_at": utc(2026, 1, 5, 10), "customer_key": "26",
            "ship_postal_code": "01067", "gross_amount": "134.95", "net_amount": "110.03", "discount_amount": "12.50",
            "coupon_code": "winter10", "status": "open",
        },
        {
            **common, "order_id": "728", "ordered_at": utc(2026, 1, 5, 22, 30), "customer_key": "gast@post.example",
            "sales_channel": "phone", "ship_postal_code": "8001", "ship_country": "CH", "gross_amount": "119.00",
            "net_amount": "100.00", "status": "partly_returned", "is_b2b": True,
        },
        {
            **common, "order_id": "729", "ordered_at": utc(2026, 1, 5, 9), "customer_key": "27",
            "ship_postal_code": "20095", "gross_amount": "11.90", "net_amount": "10.00", "status": "returned",
        },
        {
            # A fee of 5.00 is paid, but is no merchandise.
            **common, "order_id": "730", "ordered_at": utc(2026, 1, 5, 9, 30), "customer_key": "28",
            "ship_postal_code": "20095", "gross_amount": "16.90", "net_amount": "10.00", "status": "cancelled",
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_number", "gross_amount: n/a is not an amount")]


def test_woocommerce_order_lines(desk, woocommerce):
    report = woocommerce("order_lines")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (6, 5, 1)
    assert loaded(desk, "order_lines") == expected(
        "order_lines",
        {"order_id": "727", "line_no": 315, "product_id": "93", "quantity": 2.0, "net_amount": "90.00"},
        {"order_id": "727", "line_no": 316, "product_id": "22", "quantity": 1.0, "net_amount": "20.03"},
        # 29.75 of 119.00 went back: a quarter, one of the four.
        {
            "order_id": "728", "line_no": 317, "product_id": "93", "quantity": 4.0, "net_amount": "100.00",
            "returned_quantity": 1.0,
        },
        {
            "order_id": "729", "line_no": 318, "product_id": "22", "quantity": 1.0, "net_amount": "10.00",
            "returned_quantity": 1.0,
        },
        {"order_id": "730", "line_no": 319, "product_id": "22", "quantity": 1.0, "net_amount": "10.00"},
    )  # fmt: skip
    assert rejected(desk) == [("bad_number", "net_amount: n/a is not an amount")]
    woocommerce("orders")
    assert_lines_add_up(desk)


def test_woocommerce_products_customers_identities(desk, woocommerce):
    woocommerce("products")
    assert loaded(desk, "products") == expected(
        "products",
        {
            "product_id": "22", "name": "Führer & Karte", "category": "Bücher & Karten", "price": "11.90",
            "currency": "EUR",
        },
        {
            "product_id": "93", "name": "Zelt", "category": "Zelte", "brand": "Fjäll", "price": "59.50",
            "currency": "EUR",
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "name is empty")]
    woocommerce("customers")
    assert loaded(desk, "customers") == expected(
        "customers",
        {"customer_key": "26", "segment": "customer", "postal_code": "01067", "country": "DE"},
        {"customer_key": "27", "segment": "no order yet", "postal_code": "1010", "country": "AT"},
    )
    assert ("missing_key", "customer_key is empty") in rejected(desk)


def test_woocommerce_guests_are_tied_to_accounts_by_their_address(desk, woocommerce):
    woocommerce("identity_links", "identities")
    link, guest = {"id_type": "email"}, "gast@post.example"
    assert loaded(desk, "identity_links") == expected(
        "identity_links",
        {**link, "id_value": "erika@post.example", "customer_key": "26", "seen_at": utc(2026, 1, 5, 10)},
        {**link, "id_value": guest, "customer_key": guest, "seen_at": utc(2026, 1, 5, 22, 30)},
        {**link, "id_value": "k27@post.example", "customer_key": "27", "seen_at": utc(2026, 1, 5, 9)},
        # Two orders of one customer are one link; the later one in the answer has no date.
        {**link, "id_value": "k28@post.example", "customer_key": "28"},
    )  # fmt: skip


def test_shopify_orders(desk, shopify, server):
    report = shopify("orders")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (5, 4, 1)
    changed = server.requests[-1][1]["variables"]["changed"]
    assert changed == "updated_at:>='2026-01-05T00:00:00Z' AND updated_at:<'2026-01-06T00:00:00Z'"
    common = {"sales_channel": "web", "ship_postal_code": "01067", "ship_country": "DE", "discount_amount": "0.00",
              "currency": "EUR", "is_test": False, "is_b2b": False, "customer_key": "7"}  # fmt: skip
    assert loaded(desk, "orders") == expected(
        "orders",
        {
            # 107.10 with tax; 17.88 of tax, of which 0.78 on shipping; 11.90 off with 19 % in it.
            **common, "order_id": "450789469", "ordered_at": utc(2026, 1, 5, 10), "gross_amount": "112.00",
            "net_amount": "90.00", "discount_amount": "10.00", "coupon_code": "SOMMER", "status": "partly_returned",
        },
        {
            **common, "order_id": "450789470", "ordered_at": utc(2026, 1, 5, 22, 30), "customer_key": "8",
            "ship_postal_code": "8001", "ship_country": "CH", "gross_amount": "238.00", "net_amount": "200.00",
            "currency": "CHF", "status": "shipped", "is_b2b": True, "account_id": "12",
        },
        {
            **common, "order_id": "450789471", "ordered_at": utc(2026, 1, 5, 9), "customer_key": None,
            "sales_channel": "store", "store_id": "55", "ship_postal_code": None, "ship_country": None,
            "gross_amount": "23.80", "net_amount": "20.00", "status": "completed",
        },
        {
            **common, "order_id": "450789472", "ordered_at": utc(2026, 1, 5, 9, 30), "gross_amount": "11.90",
            "net_amount": "10.00", "status": "cancelled", "is_test": True,
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_mapping", "let.subtotal: the expression fails on this row")]


def test_shopify_order_lines(desk, shopify):
    report = shopify("order_lines")
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined) == (6, 5, 1)
    assert loaded(desk, "order_lines") == expected(
        "order_lines",
        {
            # 119.00 - 5.00 - 6.90 - 17.10 of tax; one of two came back.
            "order_id": "450789469", "line_no": 1001, "product_id": "632910392", "quantity": 2.0, "net_amount": "90.00",
            "cost_amount": "61.00", "returned_quantity": 1.0, "returned_at": utc(2026, 1, 9, 8),
        },
        {
            "order_id": "450789469", "line_no": 1002, "product_id": "custom", "quantity": 1.0, "net_amount": "0.00",
            "returned_quantity": 0.0,
        },
        {
            "order_id": "450789470", "line_no": 1003, "product_id": "632910393", "quantity": 4.0,
            "net_amount": "200.00", "returned_quantity": 0.0,
        },
        {
            "order_id": "450789471", "line_no": 1004, "product_id": "ALT-7", "quantity": 1.0, "net_amount": "20.00",
            "returned_quantity": 0.0,
        },
        {
            "order_id": "450789472", "line_no": 1005, "product_id": "632910392", "quantity": 1.0, "net_amount": "10.00",
            "returned_quantity": 1.0, "returned_at": utc(2026, 1, 5, 11),
        },
    )  # fmt: skip
    [(code, reason)] = rejected(desk)
    assert (code, reason) == ("bad_number", "quantity: of an order with more lines than were asked for is not a number")
    shopify("orders")
    assert_lines_add_up(desk)


def test_shopify_products_customers(desk, shopify):
    shopify("products")
    assert loaded(desk, "products") == expected(
        "products",
        {
            "product_id": "632910392", "name": "Zelt Fjäll 3", "category": "Zelte", "brand": "Fjäll", "price": "59.50",
            "currency": "EUR",
        },
        {
            "product_id": "632910393", "name": "Stirnlampe", "category": "Flashlights", "brand": "Lux",
            "price": "50.00", "currency": "EUR",
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_number", "price: fünf is not an amount")]
    shopify("customers")
    assert loaded(desk, "customers") == expected(
        "customers",
        {
            "customer_key": "7", "segment": "consumer", "postal_code": "01067", "country": "DE",
            "consent_marketing": True,
        },
        {
            "customer_key": "8", "segment": "business", "account_id": "12", "role": "Einkauf",
            "consent_marketing": False,
        },
    )  # fmt: skip
    assert ("missing_key", "customer_key is empty") in rejected(desk)


def test_shopify_errors_in_a_200_answer_are_red(desk, shopify, server):
    server.answer = lambda path, params, attempt: ok(
        {"errors": [{"message": "Access denied for orders field", "extensions": {"code": "ACCESS_DENIED"}}]}
    )
    with pytest.raises(DeliveryError, match="Access denied"):
        shopify("orders")


def test_a_page_less_than_the_total_is_red(desk, shopware, server):
    whole = server.answer

    def short(path, params, attempt):
        found = json.loads(whole(path, params, attempt)[2])
        if found.get("data"):
            found["data"].pop()
        return ok(found)

    server.answer = short
    with pytest.raises(DeliveryError, match="of 4 records"):
        shopware("orders")


ORDERS = """\
Auftragsnr;Auftragsdatum;Kundennr;Vertriebsweg;Filiale;PLZ;Land;Bruttobetrag;Nettobetrag;Rabatt;Gutschein;Währung;Status;\
Testauftrag;B2B;Geschäftskonto
A1;05.01.2026 10:00:00;K-1;Außendienst;;01067;DE;1.428,00;1.200,00;50,00;NEU;EUR;teilretourniert;N;J;G1
A2;05.01.2026;K-2;Filiale;F1;;;11,90;10,00;;;EUR;abgeschlossen;N;N;
A3;05.01.2026 11:00;;Telefon;;10115;DE;k.A.;k.A.;;;EUR;offen;J;N;
"""
LINES = """\
Auftragsnr;Position;Artikelnr;Menge;Nettobetrag;Einstandswert;Retourenmenge;Retourdatum
A1;1;P1;2,000;1.000,50;600,00;1,000;08.01.2026
A1;2;P2;0,5;199,50;;;
A2;1;P1;1;10,00;6,00;;
A2;zwei;P1;1;10,00-;6,00;;
"""


def test_erp_orders_and_lines(desk):
    desk.write("o_20260105.csv", ORDERS.encode("cp1252"))
    desk.write("l_20260105.csv", LINES.encode("cp1252"))
    desk.feeds = {
        "orders": {"kind": "files", "preset": "erp_orders", "path": "o_{day:%Y%m%d}.csv"},
        "lines": {"kind": "files", "preset": "erp_order_lines", "path": "l_{day:%Y%m%d}.csv"},
    }
    desk.load("orders", DAY)
    assert loaded(desk, "orders") == expected(
        "orders",
        {
            "order_id": "A1", "ordered_at": utc(2026, 1, 5, 9), "customer_key": "K-1", "sales_channel": "field",
            "ship_postal_code": "01067", "ship_country": "DE", "gross_amount": "1428.00", "net_amount": "1200.00",
            "discount_amount": "50.00", "coupon_code": "NEU", "currency": "EUR", "status": "partly_returned",
            "is_test": False, "is_b2b": True, "account_id": "G1",
        },
        {
            "order_id": "A2", "ordered_at": utc(2026, 1, 4, 23), "customer_key": "K-2", "sales_channel": "store",
            "store_id": "F1", "gross_amount": "11.90", "net_amount": "10.00", "currency": "EUR", "status": "completed",
            "is_test": False, "is_b2b": False,
        },
    )  # fmt: skip
    assert rejected(desk) == [("bad_number", "gross_amount: k.A. is not an amount")]
    desk.load("order_lines", DAY)
    assert loaded(desk, "order_lines") == expected(
        "order_lines",
        {
            "order_id": "A1", "line_no": 1, "product_id": "P1", "quantity": 2.0, "net_amount": "1000.50",
            "cost_amount": "600.00", "returned_quantity": 1.0, "returned_at": utc(2026, 1, 7, 23),
        },
        {"order_id": "A1", "line_no": 2, "product_id": "P2", "quantity": 0.5, "net_amount": "199.50"},
        {
            "order_id": "A2", "line_no": 1, "product_id": "P1", "quantity": 1.0, "net_amount": "10.00",
            "cost_amount": "6.00",
        },
    )  # fmt: skip
    assert ("bad_integer", "line_no: zwei is not a whole number") in rejected(desk)
    assert_lines_add_up(desk)


def test_erp_products_customers_stores(desk):
    texts = {
        "products": "Artikelnr;Bezeichnung;Warengruppe;Marke;Preis;Währung\n"
        "P1;Zelt;Zelte;Fjäll;1.059,50;EUR\nP2;;x;y;1,00;EUR\n",
        "customers": "Kundennr;Kundengruppe;Vorname;Nachname;Straße;EMail;Telefon;PLZ;Land;Erstauftrag;Geschäftskonto;"
        "Rolle;Einwilligung_Analyse;Einwilligung_Werbung\nK-1;Stamm;Erika;Muster;Ring 1;e@post.example;030 1;01067;DE;"
        "01.02.2025;;;J;N\n;Stamm;Max;Muster;Ring 1;m@post.example;030 1;01067;DE;;;;J;vielleicht\n",
        "stores": "Filiale;Bezeichnung;PLZ;Land;Breitengrad;Längengrad;Zeitzone\n"
        "F1;Dresden;01067;DE;51,05;13,73;Europe/Berlin\nF2;Bonn;53111;DE;N 50;7,1;\n",
    }  # fmt: skip
    for entity, text in texts.items():
        desk.write(f"{entity}.csv", text.encode("cp1252"))
        desk.feeds[entity] = {"kind": "files", "preset": f"erp_{entity}", "path": f"{entity}.csv"}
        desk.load(entity, DAY)
    assert loaded(desk, "products") == expected(
        "products",
        {
            "product_id": "P1", "name": "Zelt", "category": "Zelte", "brand": "Fjäll", "price": "1059.50",
            "currency": "EUR",
        },
    )  # fmt: skip
    assert loaded(desk, "customers") == expected(
        "customers",
        {
            "customer_key": "K-1", "segment": "Stamm", "postal_code": "01067", "country": "DE",
            "first_order_at": utc(2025, 1, 31, 23), "consent_analytics": True, "consent_marketing": False,
        },
    )  # fmt: skip
    assert loaded(desk, "stores") == expected(
        "stores",
        {
            "store_id": "F1", "name": "Dresden", "postal_code": "01067", "country": "DE", "latitude": 51.05,
            "longitude": 13.73, "timezone": "Europe/Berlin",
        },
    )  # fmt: skip
    reasons = {reason for _, reason in rejected(desk)}
    assert reasons == {
        "name is empty", "consent_marketing: vielleicht is not yes or no", "latitude: N 50 is not a number",
    }  # fmt: skip
    assert not desk.rows("select 1 from raw.quarantine where payload like '%Muster%' or payload like '%post.example%'")


SCHEMA = """
create table addresses (address_id int, postal_code text, country_code text);
create table orders (
    order_no text, ordered_at text, customer_no text, sales_channel text, store_no text, ship_address_id int,
    gross_total text, net_total text, discount_total text, coupon_code text, currency_code text, status text,
    is_test int, is_b2b int, account_no text, changed_at text
);
create table order_lines (
    order_no text, line_no int, line_type text, product_no text, quantity real, net_total text, cost_total text,
    returned_quantity real, returned_at text
);
create table customers (
    customer_no text, customer_group text, billing_address_id int, first_order_at text, account_no text, role text,
    consent_analytics int, consent_marketing int, changed_at text
);
insert into addresses values (1, '01067', 'DE');
insert into orders values
    ('S1', '2026-01-05 10:00:00', 'K-1', 'web', null, 1, '119.00', '100.00', '0', null, 'EUR', 'open', 0, 0, null,
     '2026-01-05 23:59:59'),
    ('S2', '2026-01-05 10:00:00', 'K-1', 'web', null, 1, '119.00', null, '0', null, 'EUR', 'open', 0, 0, null,
     '2026-01-05 10:00:00'),
    ('S3', '2026-01-05 10:00:00', 'K-1', 'web', null, 1, '119.00', '9', '0', null, 'EUR', 'open', 0, 0, null,
     '2026-01-06 00:00:00');
insert into order_lines values
    ('S1', 1, 'product', 'P1', 2, '100.00', '60.00', 0, null), ('S1', 2, 'shipping', null, 1, '4.90', null, 0, null);
insert into customers values ('K-1', 'Stamm', 1, '2025-01-31 12:00:00', null, null, 1, 0, '2026-01-05 08:00:00');
"""


def test_sql_example(desk):
    with sqlite3.connect(desk.folder / "erp.db") as database:
        database.executescript(SCHEMA)
    url = f"sqlite:///{desk.folder / 'erp.db'}"
    for entity in ("orders", "order_lines", "customers"):
        desk.feeds[entity] = {"kind": "sql", "preset": f"sql_{entity}", "url": url}
        desk.load(entity, DAY)
    assert loaded(desk, "orders") == expected(
        "orders",
        {
            "order_id": "S1", "ordered_at": utc(2026, 1, 5, 9), "customer_key": "K-1", "sales_channel": "web",
            "ship_postal_code": "01067", "ship_country": "DE", "gross_amount": "119.00", "net_amount": "100.00",
            "discount_amount": "0.00", "currency": "EUR", "status": "open", "is_test": False, "is_b2b": False,
        },
    )  # fmt: skip
    assert loaded(desk, "order_lines") == expected(
        "order_lines",
        {
            "order_id": "S1", "line_no": 1, "product_id": "P1", "quantity": 2.0, "net_amount": "100.00",
            "cost_amount": "60.00", "returned_quantity": 0.0,
        },
    )  # fmt: skip
    assert loaded(desk, "customers") == expected(
        "customers",
        {
            "customer_key": "K-1", "segment": "Stamm", "postal_code": "01067", "country": "DE",
            "first_order_at": utc(2025, 1, 31, 11), "consent_analytics": True, "consent_marketing": False,
        },
    )  # fmt: skip
    assert rejected(desk) == [("missing_required", "net_amount is empty")]
    assert desk.one("select sum(net_amount) from raw.order_lines") == Decimal("100.00")
