"""The Bluesky presets against a real personal data server; `make test-bluesky` installs and runs it.

The server alone has no timelines (app.bsky.feed.* needs the network's index, PostgreSQL and all), so what is proved
here is signing in with an app password, the records of an account, and paging; the feeds are in `test_presets_social`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from orchestration.sources.errors import DeliveryError
from orchestration.sources.pseudonyms import pseudonym
from tests.orchestration.sources.conftest import KEY

SERVER = Path(sys.prefix) / "bluesky"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (SERVER / ".installed").exists(), reason="the server is not installed: make test-bluesky"),
]


def call(url: str, method: str, body: dict[str, Any], token: str | None = None) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"{url}/xrpc/{method}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def network() -> Iterator[str]:
    process = subprocess.Popen(
        ["node", "serve.mjs"], cwd=SERVER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http"))
    finally:
        process.stdin.close()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def account(network: str) -> dict[str, Any]:
    """An account with 130 posts, one of them a reply, and an app password."""
    person = {"handle": "lindenhof.test", "email": "shop@shop.example", "password": "main-password"}
    made = call(network, "com.atproto.server.createAccount", person)
    token = made["accessJwt"]
    app = call(network, "com.atproto.server.createAppPassword", {"name": "netzplan"}, token)
    uris = []
    for number in range(130):
        record = {
            "$type": "app.bsky.feed.post", "text": f"Angebot {number}, Fragen an service@shop.example",
            "createdAt": f"2026-01-05T10:{number // 60:02}:{number % 60:02}.000Z", "langs": ["de"],
        }  # fmt: skip
        if number == 129:
            parent = {"uri": uris[0]["uri"], "cid": uris[0]["cid"]}
            record["reply"] = {"root": parent, "parent": parent}
        write = {"repo": made["did"], "collection": "app.bsky.feed.post", "record": record}
        uris.append(call(network, "com.atproto.repo.createRecord", write, token))
    return {"did": made["did"], "app_password": app["password"], "uris": [uri["uri"] for uri in uris]}


@pytest.fixture
def settings(network: str, account: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("BLUESKY_URL", network)
    monkeypatch.setenv("BLUESKY_HANDLE", "lindenhof.test")
    monkeypatch.setenv("BLUESKY_APP_PASSWORD", account["app_password"])
    return monkeypatch


@pytest.mark.parametrize("name", ["lindenhof.test", "did"])
def test_all_posts_of_an_account_arrive_once(desk, account, settings, name):
    repo = account["did"] if name == "did" else name
    desk.feeds = {"b": {"kind": "rest", "preset": "bluesky_records", "for_each": [repo]}}
    [report] = desk.load("social_posts")
    assert (report.rows_in, report.rows_loaded, report.rows_filtered) == (129, 129, 1)
    found = dict(desk.rows("select post_id, text from raw.social_posts"))
    numbers = {md5(uri.encode()).hexdigest(): number for number, uri in enumerate(account["uris"][:129])}
    assert found == {key: f"Angebot {number}, Fragen an [e-mail]" for key, number in numbers.items()}
    facts = "min(posted_at)::varchar, max(posted_at)::varchar, any_value(author_hash), any_value(language)"
    assert desk.one(f"select {facts}, count(distinct author_hash) from raw.social_posts") == (
        "2026-01-05 10:00:00+00", "2026-01-05 10:02:08+00", pseudonym(account["did"], KEY), "de", 1,
    )  # fmt: skip


def test_the_app_password_opens_a_session_and_a_wrong_one_does_not(desk, account, settings):
    """With the sign-in of the feed presets: this server asks for a session where it does not need one, too."""
    feed = {
        "kind": "rest", "preset": "bluesky_author", "for_each": [account["did"]], "retries": 0,
        "url": "${BLUESKY_URL}/xrpc/com.atproto.repo.listRecords", "records": "records",
        "params": {"repo": "{each}", "collection": "app.bsky.feed.post"},
    }  # fmt: skip
    desk.feeds = {"b": {**feed, "where": "false"}}
    [report] = desk.load("social_posts")
    assert report.rows_filtered == 130
    settings.setenv("BLUESKY_APP_PASSWORD", "aaaa-bbbb-cccc-dddd")
    with pytest.raises(DeliveryError, match="signing in failed with status 401") as caught:
        desk.load("social_posts")
    assert "aaaa-bbbb" not in str(caught.value)


def test_an_account_that_is_not_there_is_red(desk, settings):
    desk.feeds = {"b": {"kind": "rest", "preset": "bluesky_records", "for_each": ["nobody.test"], "retries": 0}}
    with pytest.raises(DeliveryError, match="status 400"):
        desk.load("social_posts")
