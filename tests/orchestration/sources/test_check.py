import io
from datetime import date

import pytest

from orchestration.sources.check import check_sources
from orchestration.sources.errors import SourceError
from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import KEY, NOW, ORDER_HEADER


def check(desk):
    out = io.StringIO()
    problems = check_sources(desk.config(), key=KEY, timezone="Europe/Berlin", now=NOW, out=out)
    return problems, out.getvalue()


def test_it_shows_where_every_column_comes_from_and_what_becomes_of_it(desk, orders):
    desk.feeds = {"erp": orders()}
    good = "".join(f"{n};05.01.2026 10:00:00;anna@post.example;01067;1.234,56;open\n" for n in range(40))
    desk.write("orders_20260105.csv", ORDER_HEADER + good + "41;05.01.2026 10:00:00;anna@post.example;01067;x;open\n")
    problems, shown = check(desk)
    assert problems == 0
    lines = [line.split() for line in shown.splitlines()]
    assert ["PLZ", "ship_postal_code", "text", "01067"] in lines
    assert ["Netto", "net_amount", "amount", "1234.56"] in lines
    assert ["Kunde", "customer_key", "text", pseudonym("anna@post.example", KEY)] in lines
    assert "anna@post" not in shown
    assert "41 rows read, 1 to quarantine" in shown
    assert "1 x bad_number: net_amount: x is not an amount" in shown
    assert "not mapped, stays empty: visitor_id, sales_channel" in shown
    assert not desk.warehouse.exists()


@pytest.mark.parametrize(
    ("change", "content", "problem"),
    [
        ({}, None, "does not exist"),
        ({"decimal": "."}, "1;05.01.2026 10:00:00;a;1;1,5;open\n", "quarantined as bad_number"),
        ({"columns": {"order_id": "Nummer", "ordered_at": "Datum", "net_amount": "Netto", "currency": "W",
                      "status": "Status"}}, "", "no column 'Nummer', 'W'"),
        ({"from": date(2030, 1, 1)}, "", "correct them"),
    ],
)  # fmt: skip
def test_what_has_to_be_mended_is_a_problem(desk, orders, change, content, problem):
    desk.feeds = {"erp": orders(**change), "stores": {"entity": "stores", "kind": "files", "path": "stores.csv",
                                                      "columns": {"store_id": "id", "name": "name"}}}  # fmt: skip
    desk.write("stores.csv", "id,name\n1,Leipzig\n")
    if content is not None:
        desk.write("orders_20260105.csv", ORDER_HEADER + content)
    problems, shown = check(desk)
    assert problems == 1
    assert problem in shown
    assert "Leipzig" in shown, "the other feeds are tried all the same"


def test_an_api_is_asked_for_one_day(desk, server):
    server.answer = lambda path, params, attempt: ok([{"id": "1", "name": params["day"]}])
    desk.feeds = {
        "api": {
            "entity": "products",
            "kind": "rest",
            "url": server.url,
            "params": {"day": "{day}"},
            "paginator": {"type": "single_page"},
            "columns": {"product_id": "id", "name": "name"},
        }
    }
    problems, shown = check(desk)
    assert (problems, len(server.requests)) == (0, 1)
    assert "2026-10-31" in shown


def test_one_feed_alone_and_what_nothing_uses(desk, orders):
    columns = {name: source for name, source in orders()["columns"].items() if name != "ship_postal_code"}
    desk.feeds = {"erp": orders(columns=columns), "old": orders(path="old_{day}.csv")}
    header = ORDER_HEADER.replace("PLZ", "Ship-PostalCode").replace("\n", ";Notiz\n")
    desk.write("orders_20260105.csv", header + "1;05.01.2026 10:00:00;anna;01067;1,5;open;x\n")
    out = io.StringIO()
    check_sources(desk.config(), key=KEY, timezone="Europe/Berlin", now=NOW, only="erp", out=out)
    shown = out.getvalue()
    assert "in the source, nothing uses it: Ship-PostalCode, Notiz" in shown
    assert "perhaps these belong together, then add under columns: ship_postal_code: Ship-PostalCode" in shown
    assert "1 feed tried, no problems" in shown
    assert max(map(len, shown.splitlines())) <= 100
    with pytest.raises(SourceError, match="did you mean erp"):
        check_sources(desk.config(), key=KEY, timezone="Europe/Berlin", now=NOW, only="epr", out=out)
