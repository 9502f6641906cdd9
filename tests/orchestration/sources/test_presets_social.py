"""Public posts: answers as the networks document them become exactly the rows a person computes from them."""

from __future__ import annotations

import json
from datetime import date

import pytest

from orchestration.sources.errors import DeliveryError
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.preset_rows import expected, loaded, rejected, utc

DAY = date(2026, 1, 5)


def toot(number: int, **other):
    return {
        "id": str(number), "created_at": "2026-01-05T10:00:00.000Z", "language": "de", "favourites_count": 3,
        "reblogs_count": 2, "replies_count": 1, "reblog": None, "url": f"https://social.example/@eva/{number}",
        "content": "<p>Danke <a href='x'>@<span>shop</span></a>!<br>Tolles Zelt &amp; Preis. eva@post.example</p>",
        "account": {"acct": "Eva@social.example"}, "tags": [{"name": "shop"}, {"name": "zelt"}], **other,
    }  # fmt: skip


TOOT = {
    "network": "mastodon", "posted_at": utc(2026, 1, 5, 10), "author_hash": "eva@social.example", "language": "de",
    "text": "Danke [handle]! Tolles Zelt & Preis. [e-mail]", "like_count": 3, "repost_count": 2, "reply_count": 1,
    "topic": "zelt",
}  # fmt: skip


def mastodon(post_id: int, **other):
    return {"post_id": str(post_id), "url": f"https://social.example/[handle]/{post_id}", **TOOT, **other}


def snowflake(*moment: int) -> int:
    """First id that a Mastodon server gives at that moment."""
    return int(utc(*moment).timestamp()) * 1000 * 2**16


# The local day, in winter an hour before UTC's.
FIRST, LAST = snowflake(2026, 1, 4, 23), snowflake(2026, 1, 5, 23)


def test_mastodon_saved_as_files(desk):
    desk.write("t_20260105.json", json.dumps([toot(1), toot(2, reblog=toot(1))]))
    desk.feeds = {"m": {"kind": "files", "preset": "mastodon_timeline", "path": "t_{day:%Y%m%d}.json"}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_in, report.rows_filtered) == (1, 1)
    assert loaded(desk, "social_posts") == expected("social_posts", mastodon(1))


@pytest.mark.parametrize("path", ["/api/v1/timelines/tag/{each}", "/api/v1/accounts/{each}/statuses"])
def test_mastodon_is_read_page_by_page_between_two_ids(desk, server, path):
    posts = [toot(FIRST + 5 - number, favourites_count=number) for number in range(5)]
    posts[1]["reblog"] = toot(1)
    posts[2]["created_at"] = "yesterday"

    def answers(asked, params, attempt):
        assert asked == path.format(each="lindenhof")
        assert (params["since_id"], params["limit"]) == (str(FIRST), "40")
        page = [post for post in posts if FIRST < int(post["id"]) < int(params["max_id"])][:2]
        # What a server sends beside it leads back to its beginning.
        return ok(page, Link=f'<{server.url}{asked}?max_id=1>; rel="next"')

    server.answer = answers
    desk.feeds = {
        "m": {"kind": "rest", "preset": "mastodon_timeline", "url": server.url + path, "for_each": ["lindenhof"],
              "rate_limit": 60_000}
    }  # fmt: skip
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_in, report.rows_loaded, report.rows_quarantined, report.rows_filtered) == (4, 3, 1, 1)
    assert loaded(desk, "social_posts") == expected(
        "social_posts", *(mastodon(FIRST + 5 - number, like_count=number) for number in (0, 3, 4))
    )
    assert rejected(desk) == [("bad_timestamp", "posted_at: yesterday is not a point in time")]
    # A page without posts is asked for twice before it is believed.
    asked = dict.fromkeys(params["max_id"] for _, params, _ in server.requests)
    assert list(asked) == [str(LAST), *(str(FIRST + n) for n in (4, 2, 1))]


def bluesky_post(name: str, **other):
    return {
        "uri": f"at://did:plc:eva/app.bsky.feed.post/{name}", "cid": f"cid{name}",
        "author": {"did": "did:plc:eva", "handle": "eva.bsky.social", "displayName": "Eva"},
        "record": {
            "$type": "app.bsky.feed.post", "text": "Super Zelt @lindenhof.bsky.social!", "langs": ["de"],
            "createdAt": "2026-01-05T10:00:00.000Z",
        },
        "indexedAt": "2026-01-05T10:00:01.000Z", "likeCount": 3, "repostCount": 1, "quoteCount": 1, "replyCount": 4,
        **other,
    }  # fmt: skip


def md5_of(name: str) -> str:
    from hashlib import md5

    return md5(f"at://did:plc:eva/app.bsky.feed.post/{name}".encode()).hexdigest()


def bluesky(name: str, **other):
    return {
        "post_id": md5_of(name), "network": "bluesky", "posted_at": utc(2026, 1, 5, 10), "author_hash": "did:plc:eva",
        "language": "de", "text": "Super Zelt [handle]!", "like_count": 3, "repost_count": 2, "reply_count": 4, **other,
    }  # fmt: skip


@pytest.fixture
def sign_in(server, monkeypatch):
    """A server that opens a session for an app password, and answers with two pages to whoever has one."""
    monkeypatch.setenv("BLUESKY_URL", server.url)
    monkeypatch.setenv("BLUESKY_HANDLE", "shop.example")
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "abcd-efgh-ijkl-mnop")

    def answering(method, records, asked):
        def answers(path, params, attempt):
            if path == "/xrpc/com.atproto.server.createSession":
                known = params == {"identifier": "shop.example", "password": "abcd-efgh-ijkl-mnop"}
                return ok({"accessJwt": "jwt", "did": "did:plc:shop"}) if known else (401, {}, b"{}")
            assert path == f"/xrpc/{method}"
            assert server.requests[-1][2]["Authorization"] == "Bearer jwt"
            assert {name: params[name] for name in asked} == asked
            first = int(params.get("cursor", 0))
            page = {next(iter(records)): next(iter(records.values()))[first : first + 2]}
            return ok(page | ({"cursor": str(first + 2)} if first == 0 else {}))

        server.answer = answers
        return {"kind": "rest", "rate_limit": 60_000}

    return answering


def test_bluesky_author_feed(desk, sign_in):
    repost = {"$type": "app.bsky.feed.defs#reasonRepost", "by": {"did": "did:plc:eva"}}
    late = bluesky_post("3")["record"] | {"createdAt": "2027-01-01T00:00:00Z", "langs": None}
    feed = [
        {"post": bluesky_post("1")},
        {"post": bluesky_post("2"), "reason": repost},
        {"post": bluesky_post("3", record=late, likeCount=None)},
        {"post": bluesky_post("4", likeCount="many")},
    ]
    settings = sign_in("app.bsky.feed.getAuthorFeed", {"feed": feed}, {"actor": "eva.bsky.social", "limit": "100"})
    desk.feeds = {"b": {"preset": "bluesky_author", "for_each": ["eva.bsky.social"], **settings}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_in, report.rows_filtered, report.rows_quarantined) == (3, 1, 1)
    assert loaded(desk, "social_posts") == expected(
        "social_posts",
        bluesky("1", topic="own account"),
        bluesky("3", topic="own account", posted_at=utc(2026, 1, 5, 10, 0, 1), like_count=None, language="unknown"),
    )
    assert rejected(desk) == [("bad_integer", "like_count: many is not a whole number")]
    [payload] = desk.one("select list(payload) from raw.quarantine")
    assert not [name for name in ("eva", "Eva", "did:plc", "bsky.social") if name in payload]


def test_bluesky_search_and_the_same_post_in_two_feeds(desk, sign_in):
    posts = [bluesky_post("1"), bluesky_post("2"), bluesky_post("3", likeCount="many")]
    asked = {"q": "#lindenhof", "since": "2026-01-04T23:00:00Z", "until": "2026-01-05T23:00:00Z", "sort": "latest"}
    settings = sign_in("app.bsky.feed.searchPosts", {"posts": posts}, asked)
    desk.feeds = {"b": {"preset": "bluesky_search", "for_each": ["#lindenhof"], **settings}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (2, 1)
    assert loaded(desk, "social_posts") == expected(
        "social_posts", bluesky("1", topic="#lindenhof"), bluesky("2", topic="#lindenhof")
    )
    assert rejected(desk) == [("bad_integer", "like_count: many is not a whole number")]


def test_a_wrong_app_password_is_red_and_not_shown(desk, sign_in, monkeypatch):
    settings = sign_in("app.bsky.feed.searchPosts", {"posts": []}, {})
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", "wrong-word")
    desk.feeds = {"b": {"preset": "bluesky_search", "for_each": ["zelt"], **settings}}
    with pytest.raises(DeliveryError, match="signing in failed with status 401") as caught:
        desk.load("social_posts", DAY)
    assert "wrong-word" not in str(caught.value)


def test_likes_that_come_later_replace_the_earlier_count(desk, sign_in):
    posts = [bluesky_post("1")]
    settings = sign_in("app.bsky.feed.searchPosts", {"posts": posts}, {})
    desk.feeds = {"b": {"preset": "bluesky_search", "for_each": ["zelt"], **settings}}
    desk.load("social_posts", DAY)
    posts[0] = bluesky_post("1", likeCount=70)
    desk.load("social_posts", DAY)
    assert desk.rows("select like_count from raw.social_posts") == [(70,)]


def test_bluesky_records_of_a_server(desk, server, monkeypatch):
    def record(name, **other):
        value = {"text": "Neu: unser Zelt", "createdAt": "2026-01-05T10:00:00.000Z", "langs": ["de"], **other}
        return {"uri": f"at://did:plc:eva/app.bsky.feed.post/{name}", "cid": name, "value": value}

    records = [record("1"), record("2", reply={"root": {"uri": "at://x"}}), record("3", createdAt="soon")]

    def answers(path, params, attempt):
        assert (path, params["repo"]) == ("/xrpc/com.atproto.repo.listRecords", "eva.example")
        first = int(params.get("cursor", 0))
        return ok({"records": records[first : first + 2]} | ({"cursor": "2"} if first == 0 else {}))

    server.answer = answers
    monkeypatch.setenv("BLUESKY_URL", server.url)
    desk.feeds = {"b": {"kind": "rest", "preset": "bluesky_records", "for_each": ["eva.example"], "rate_limit": 60_000}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_loaded, report.rows_filtered, report.rows_quarantined) == (1, 1, 1)
    row = bluesky(
        "1", text="Neu: unser Zelt", like_count=None, repost_count=None, reply_count=None, topic="own account"
    )
    assert loaded(desk, "social_posts") == expected("social_posts", row)
    assert rejected(desk) == [("bad_timestamp", "posted_at: soon is not a point in time")]


def test_closed_networks_as_csv(desk):
    desk.write(
        "posts.csv",
        "network;id;posted_at;author;language;text;likes;shares;comments;url;topic\n"
        "Facebook;17;05.01.2026 11:00;Eva Müller;;Die Lieferung kam viel zu spät, ruft mich an: 0341 5550123;3;1;2;"
        "https://www.facebook.com/eva.mueller/posts/17;Lieferung\n"
        'Instagram;17;2026-01-05 11:00:00;@eva_m;en;"Love it @lindenhof\nmail eva@post.example";4;;0;'
        "https://instagram.com/eva_m/p/17;@lindenhof\n"
        "TikTok;18;gestern;eva;de;@lina ruf +49 151 23456789 an;viele;0;0;;\n",
    )
    desk.feeds = {"c": {"kind": "files", "preset": "social_csv", "path": "posts.csv", "delimiter": ";"}}
    [report] = desk.load("social_posts", DAY)
    assert (report.rows_loaded, report.rows_quarantined) == (2, 1)
    common = {"posted_at": utc(2026, 1, 5, 10)}
    assert loaded(desk, "social_posts") == expected(
        "social_posts",
        {"post_id": "facebook:17", "network": "facebook", "author_hash": "eva müller", "language": "de",
         "text": "Die Lieferung kam viel zu spät, ruft mich an: [phone]", "like_count": 3, "repost_count": 1,
         "reply_count": 2, "url": "https://www.facebook.com/[handle]/posts/17", "topic": "Lieferung", **common},
        {"post_id": "instagram:17", "network": "instagram", "author_hash": "@eva_m", "language": "en",
         "text": "Love it [handle] mail [e-mail]", "like_count": 4, "reply_count": 0,
         "url": "https://instagram.com/[handle]/p/17", "topic": "[handle]", **common},
    )  # fmt: skip
    [payload] = desk.one("select list(payload) from raw.quarantine")
    assert "[handle] ruf [phone] an" in payload
    assert '"eva"' not in payload
