"""Another key: the same people, and the old key alone opens nothing any more."""

from datetime import date, timedelta

import pytest

from orchestration.sources import load as module
from orchestration.sources.pseudonyms import KeyChangedError, pseudonym
from orchestration.sources.replay import replay
from orchestration.sources.rotation import rotate
from tests.orchestration.sources.conftest import KEY, NOW, ORDER_HEADER

NEW, NEWEST = b"n" * 32, b"z" * 32
PEOPLE = [f"person{n}@post.example" for n in range(40)]
JOINS = """
    select count(*), count(distinct o.order_id), count(distinct l.id_value)
    from raw.orders as o join raw.identity_links as l using (customer_key)
"""


def load(desk, entity, key, *days):
    return module.load_entity(
        desk.config(), entity, days or [date(2026, 1, 1)], warehouse=desk.warehouse, key=key,
        timezone="Europe/Berlin", now=NOW,
    )  # fmt: skip


@pytest.fixture
def shop(desk, orders):
    """Orders of two days, of which one is rejected, and links to the people who ordered."""
    desk.feeds = {
        "erp": orders(),
        "crm": {
            "entity": "identity_links", "kind": "files", "path": "links.csv",
            "columns": {"id_type": {"const": "email"}, "id_value": "mail", "customer_key": "mail"},
        },
    }  # fmt: skip
    for n, day in enumerate([date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]):
        lines = [
            f"{n}-{place};{day:%d.%m.%Y} 10:00:00;{person};01067;{'x' if place == 39 else 7};open\n"
            for place, person in enumerate(PEOPLE)
        ]
        desk.write(f"orders_{day:%Y%m%d}.csv", ORDER_HEADER + "".join(lines))
    desk.write("links.csv", "mail\n" + "\n".join(PEOPLE) + "\n")
    load(desk, "orders", KEY, date(2026, 1, 1), date(2026, 1, 2))
    load(desk, "identity_links", KEY)
    return desk


def everything(desk):
    """All that can be read of raw, and the bytes of its file."""
    tables = desk.rows("select table_name from duckdb_tables() where schema_name = 'raw'")
    return "".join(str(desk.rows(f'from raw."{name}"')) for (name,) in tables), desk.warehouse.read_bytes()


def test_joins_are_the_same_and_the_old_key_opens_nothing(shop):
    before = shop.one(JOINS)
    assert before == (78, 78, 39)
    books = shop.rows("from raw.load_batches order by all")
    report = rotate(shop.warehouse, (KEY, NEW))
    assert (report.pseudonyms, report.rows) == (40, 78 + 40 + 2 + 3)
    assert shop.one(JOINS) == before
    assert shop.rows("from raw.load_batches order by all") == books
    text, data = everything(shop)
    for person in PEOPLE:
        assert pseudonym(person, KEY) not in text
        assert pseudonym(person, NEW) not in text
        assert pseudonym(person, KEY).encode() not in data
        assert pseudonym(person, (KEY, NEW)) in text
    assert rotate(shop.warehouse, (KEY, NEW)) is None, "once is enough"


def test_what_comes_later_joins_and_what_waited_comes_in(shop, orders):
    rotate(shop.warehouse, (KEY, NEW))
    rotate(shop.warehouse, (KEY, NEW, NEWEST))
    key = (KEY, NEW, NEWEST)
    load(shop, "orders", key, date(2026, 1, 3))
    assert shop.one(JOINS) == (117, 117, 39)
    (shop.folder / "orders_20260102.csv").unlink()
    feed = orders()
    shop.feeds["erp"] = {**feed, "columns": {**feed["columns"], "net_amount": {"sql": "replace(\"Netto\", 'x', '7')"}}}
    replay(shop.config(), warehouse=shop.warehouse, key=key, timezone="Europe/Berlin", now=NOW + timedelta(days=1))
    assert shop.one(JOINS) == (120, 120, 40), "also from a payload, whose file is gone"


def test_both_steps_or_none(shop):
    with pytest.raises(KeyChangedError, match="rotate-key"):
        load(shop, "orders", (KEY, NEW), date(2026, 1, 3))
    for wrong in (NEW, (NEW, KEY)):
        with pytest.raises(KeyChangedError, match="other people"):
            load(shop, "orders", wrong, date(2026, 1, 3))
        with pytest.raises(KeyChangedError):
            rotate(shop.warehouse, wrong)
    assert shop.one("select count(*) from raw.orders where _delivery_date = '2026-01-03'") == 0
    rotate(shop.warehouse, (KEY, NEW))
    with pytest.raises(KeyChangedError):
        load(shop, "orders", KEY, date(2026, 1, 3))


def test_a_rotation_that_breaks_off_leaves_the_warehouse_as_it_was(shop, monkeypatch):
    before = shop.one(JOINS)
    with monkeypatch.context() as patch:
        patch.setattr("orchestration.sources.rotation.note_key", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotate(shop.warehouse, (KEY, NEW))
    load(shop, "orders", KEY, date(2026, 1, 3))
    rotate(shop.warehouse, (KEY, NEW))
    assert shop.one(JOINS)[0] == before[0] + 39
    assert [path.name for path in shop.warehouse.parent.iterdir()] == [shop.warehouse.name]
