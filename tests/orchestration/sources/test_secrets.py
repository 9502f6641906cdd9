"""What signs a feed in is nowhere to be read afterwards: not in messages, tracebacks, logs, tables or folders."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import traceback
from urllib.parse import quote

import pytest

from orchestration.sources import rest_client
from orchestration.sources.check import check_sources
from orchestration.sources.errors import SourceError
from tests.orchestration.sources.api_server import ok
from tests.orchestration.sources.conftest import KEY, NOW

SECRET = "Gehe/im+Wort9"

REST = {
    "entity": "products", "kind": "rest", "retries": 0, "paginator": {"type": "single_page"},
    "columns": {"product_id": "id", "name": "name"},
}  # fmt: skip
PLACES = {
    "parameter": {"params": {"key": "${MARKER}"}},
    "header": {"headers": {"X-Key": "${MARKER}"}},
    "path": {"path": "/hooks/${MARKER}/orders"},
    "api_key": {"auth": {"type": "api_key", "name": "key", "api_key": "${MARKER}", "location": "query"}},
    "bearer": {"auth": {"type": "bearer", "token": "${MARKER}"}},
    "basic": {"auth": {"type": "http_basic", "username": "u", "password": "${MARKER}"}},
    "oauth": {
        "auth": {
            "type": "oauth2_client_credentials", "client_id": "id", "client_secret": "${MARKER}",
            "access_token_url": "{url}/token?secret=${MARKER}",
        },
    },
    "login": {"auth": {"type": "login", "url": "{url}/login", "body": {"password": "${MARKER}"}, "token": "token"}},
}  # fmt: skip
MISTAKES = {
    "setting": {"auth": {"type": "bearer", "tocken": "${MARKER}"}},
    "type": {"page_size": "${MARKER}"},
    "paginator": {"paginator": {"type": "cursor", "curser": "${MARKER}"}},
    "place": {"${MARKER}": 1},
}
ANSWERS = {
    "refused": (401, {}, f"the key {SECRET} is not valid".encode()),
    "failure in a 200": ok({"error": f"the key {SECRET} is not valid"}),
    "moved": (302, {"Location": f"/elsewhere?key={SECRET}"}, b""),
    "no JSON": (200, {}, SECRET.encode()),
    "dead": None,
}


def folder_of(desk):
    """Everything a load has left behind, but not the sources file itself."""
    paths = [path for path in desk.folder.rglob("*") if path.is_file() and path.name != "sources.yaml"]
    return b"".join(path.read_bytes() for path in paths)


def attempt(desk, entity):
    """Check and load, and return all that can be read of it."""
    told = io.StringIO()
    for action in (
        lambda: check_sources(desk.config(), key=KEY, timezone="Europe/Berlin", now=NOW, out=told),
        lambda: desk.load(entity),
    ):
        try:
            action()
        except SourceError as error:
            told.write("".join(traceback.format_exception(error)))
    return told.getvalue()


def is_told(text):
    return any(form in text for form in (SECRET, quote(SECRET, safe=""), quote(SECRET)))


@pytest.fixture(autouse=True)
def _marker(monkeypatch):
    monkeypatch.setenv("MARKER", SECRET)
    monkeypatch.setattr(rest_client, "BACKOFF", 0.005)


def rest_feed(url, settings):
    feed = {**REST, "url": url + settings.get("path", ""), "errors": "error", **settings}
    feed.pop("path", None)
    if "auth" in feed:
        feed["auth"] = {
            key: value.replace("{url}", url) if isinstance(value, str) else value for key, value in feed["auth"].items()
        }
    return feed


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_api_that_fails_tells_no_secret(desk, server, caplog, capfd, answer):
    caplog.set_level(logging.INFO)
    server.answer = lambda path, params, attempt: ANSWERS[answer]
    url = "http://127.0.0.1:9" if answer == "dead" else server.url
    desk.feeds = {place: rest_feed(url, settings) for place, settings in PLACES.items()}
    told = attempt(desk, "products")
    assert all(f"{place}:" in told for place in PLACES), "each of them is said to have failed"
    assert not is_told(told)
    assert not is_told(caplog.text + "".join(capfd.readouterr()))
    assert SECRET.encode() not in folder_of(desk)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_settings_tells_no_secret(desk, server, caplog, capfd, mistake):
    desk.feeds = {"api": rest_feed(server.url, MISTAKES[mistake])}
    told = attempt(desk, "products")
    assert "sources.yaml:" in told
    assert not is_told(told + caplog.text + "".join(capfd.readouterr()))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://shop:${QUOTED}@127.0.0.1:9/shop", "nosuch://shop:${QUOTED}@host/shop", "${MARKER}",
        "sqlite:////nowhere/${MARKER}/shop.db",
    ],
)  # fmt: skip
def test_a_database_that_fails_tells_no_secret(desk, caplog, capfd, monkeypatch, url):
    monkeypatch.setenv("QUOTED", quote(SECRET, safe=""))
    columns = {"product_id": "id", "name": "name"}
    desk.feeds = {"shop": {"entity": "products", "kind": "sql", "url": url, "table": "products", "columns": columns}}
    told = attempt(desk, "products")
    assert "shop" in told
    assert not is_told(told + caplog.text + "".join(capfd.readouterr()))
    assert SECRET.encode() not in folder_of(desk)


def test_secrets_may_be_kept_in_dlts_file(desk):
    desk.write(".dlt/secrets.toml", f'MARKER = "{SECRET}"\n')
    desk.feeds = {"api": {**REST, "url": "http://127.0.0.1:9", "headers": {"X-Key": "${MARKER}", "X-No": "${NOWHERE}"}}}
    with pytest.raises(SourceError, match=r"no NOWHERE; .*secrets.toml"):
        desk.config()
    del desk.feeds["api"]["headers"]["X-No"]
    program = (
        "from orchestration.sources.config import load_config\nfrom pathlib import Path\n"
        "[feed] = load_config(Path('sources.yaml')).feeds\nprint(feed.connection['headers']['X-Key'])\n"
    )
    desk.config()
    environment = {name: value for name, value in os.environ.items() if name != "MARKER"}
    environment["PYTHONPATH"] = os.getcwd()
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=desk.folder, env=environment, capture_output=True, text=True
    )
    assert run.stdout.strip() == SECRET, run.stderr
