"""A feed read by cursor: nothing is read twice without need, nothing is left out, whatever runs in whatever order."""

import random
from datetime import date, timedelta

import pytest
import sqlalchemy

from orchestration.sources.errors import ConfigError
from tests.orchestration.sources.api_server import ok

DAY = date(2026, 1, 1)
COLUMNS = {"order_id": "id", "ordered_at": "at", "net_amount": "net", "currency": {"const": "EUR"},
           "status": {"const": "open"}}  # fmt: skip


@pytest.fixture
def shop(desk):
    """A table that only grows; `add` appends rows (net, at)."""
    url = f"sqlite:///{desk.folder / 'shop.db'}"
    engine = sqlalchemy.create_engine(url)
    desk.feeds = {"shop": {"entity": "orders", "kind": "sql", "url": url, "table": "o", "cursor_column": "id",
                           "columns": COLUMNS}}  # fmt: skip
    with engine.begin() as connection:
        connection.exec_driver_sql("create table o (id integer primary key, at text, net text)")

    def add(*rows):
        with engine.begin() as connection:
            for net, at in rows:
                connection.exec_driver_sql("insert into o (at, net) values (?, ?)", (at, net))

    desk.add = add
    yield desk
    engine.dispose()


def ids(desk):
    return [number for (number,) in desk.rows("select distinct order_id::int from raw.orders order by 1")]


def test_each_run_goes_on_where_the_last_one_ended(shop):
    shop.add(*[(1, "2026-01-01 10:00:00")] * 9)
    assert shop.load("orders", DAY)[0].rows_in == 9
    shop.add(*[(1, "2026-01-02 10:00:00")] * 3)
    # Read as text, 9 would be more than 10, and 12 less than 9.
    assert shop.load("orders", DAY + timedelta(days=1))[0].rows_in == 3
    assert shop.load("orders", DAY + timedelta(days=2))[0].state == "empty"
    assert shop.load("orders", DAY + timedelta(days=1))[0].rows_in == 3, "a day run again begins where it began"
    assert ids(shop) == list(range(1, 13))


def test_days_asked_for_together_are_one_delivery(shop):
    shop.add(*[(1, "2026-01-01 10:00:00")] * 4)
    [report] = shop.load("orders", *(DAY + timedelta(days=n) for n in range(30)))
    assert (report.window, report.rows_in) == ("2026-01-30", 4)


def test_what_is_in_quarantine_moves_nothing(shop):
    shop.feeds["shop"] |= {"cursor_column": "at", "timezone": "UTC"}
    shop.add((1, "2026-01-01 10:00:00"), (1, "2031-01-01 10:00:00"), ("x", "2026-01-05 10:00:00"))
    report = shop.load("orders", DAY)[0]
    assert (report.rows_loaded, report.rows_quarantined) == (1, 2)
    shop.add((1, "2026-01-01 10:00:00"), (1, "2026-01-02 10:00:00"))
    assert shop.load("orders", DAY + timedelta(days=1))[0].rows_loaded == 3, "of the same second, others may follow"
    assert ids(shop) == [1, 4, 5]


def test_a_look_back_reads_again_what_came_late(shop):
    shop.feeds["shop"]["lookback_days"] = 1
    for day in range(3):
        shop.add(*[(1, "2026-01-01 10:00:00")] * 2)
        shop.load("orders", DAY + timedelta(days=day))
    shop.add((1, "2026-01-01 10:00:00"))
    [report] = shop.load("orders", DAY + timedelta(days=3))
    assert report.rows_in == 3, "the two rows of the day before, and the new one"


def test_in_any_order_nothing_is_left_out(shop):
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    shuffled = random.Random(seed)
    total = 0
    for _ in range(12):
        grown = shuffled.randrange(4)
        total += grown
        shop.add(*[(1, "2026-01-01 10:00:00")] * grown)
        first = shuffled.randrange(6)
        shop.load("orders", *(DAY + timedelta(days=first + n) for n in range(shuffled.randrange(1, 3))))
    shop.load("orders", DAY + timedelta(days=9))
    assert ids(shop) == list(range(1, total + 1)), f"seed {seed}"


def test_an_api_is_asked_from_the_newest_row_on(desk, server):
    posts = [{"id": str(n), "at": f"2026-01-01T10:00:{n:02}Z"} for n in (8, 9, 10, 11)]

    def answer(path, params, attempt):
        return ok([post for post in posts if int(post["id"]) > int(params["min_id"])])

    server.answer = answer
    columns = {"post_id": "id", "network": {"const": "mastodon"}, "posted_at": "at"}
    desk.feeds = {
        "toots": {
            "entity": "social_posts", "kind": "rest", "url": server.url, "params": {"min_id": "{cursor}"},
            "cursor": {"column": "post_id", "start": "0"}, "paginator": {"type": "single_page"}, "columns": columns,
        }
    }  # fmt: skip
    assert desk.load("social_posts", DAY)[0].rows_in == 4
    posts.append({"id": "12", "at": "2026-01-01T10:00:12Z"})
    assert desk.load("social_posts", DAY + timedelta(days=1))[0].rows_in == 1
    assert [params["min_id"] for _, params, _ in server.requests] == ["0", "11"]
    desk.feeds["toots"] |= {"params": {"since": "{cursor:%H:%M:%S}", "min_id": "0"},
                            "cursor": {"column": "posted_at", "start": "never"}}  # fmt: skip
    desk.load("social_posts", DAY + timedelta(days=2))
    assert server.requests[-1][1]["since"] == "10:00:12"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cursor_column": "changed"}, "fills no column of orders"),
        ({"columns": {**COLUMNS, "customer_key": "mail"}, "cursor_column": "mail"}, "pseudonym"),
        ({"day_column": "at"}, "by day and by cursor"),
        ({"entity": "web_events", "columns": {"event_id": "id", "occurred_at": "at", "event_name": "n",
                                              "visitor_id": "v"}}, "must arrive by day"),
    ],
)  # fmt: skip
def test_a_cursor_that_cannot_work_is_refused(shop, change, words):
    shop.feeds["shop"] |= change
    with pytest.raises(ConfigError, match=words):
        shop.config()
