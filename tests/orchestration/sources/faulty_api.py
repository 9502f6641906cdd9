"""Six APIs with the shapes their makers document, and a seeded plan of what goes wrong on the way."""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

SHAPES = ("shopware", "woocommerce", "shopify", "matomo", "mastodon", "bluesky")
#: Says how many records there are, so that even a fault that stays is noticed.
WITH_TOTAL = ("shopware", "woocommerce", "shopify")
#: Anybody notices: the status, the connection or the form is wrong.
LOUD = ("429", "500", "hang", "truncated", "cut", "reset", "error_200", "html", "broken_gzip", "no_content")
#: Well-formed answers that are not the truth.
SILENT = ("short", "empty", "circle", "duplicate", "lost_cursor")
HANG_SECONDS = 0.6


class FaultyApi:
    """One API of a shape, with `records` to page through and faults drawn from a seed.

    Attributes
    ----------
    faults : list of str
        What went wrong so far, in order.
    """

    def __init__(self, shape: str, seed: int, *, page_size: int = 5) -> None:
        self.random = random.Random(seed)
        self.shape, self.seed, self.page_size = shape, seed, page_size
        count = self.random.choice((0, 1, 4, 5, 6, 10, 13, 23))
        self.records = [{"id": str(900 - n), "name": f"{seed}: Zelt Nr. {n} äöü"} for n in range(count)]
        self.faults: list[str] = []
        self._rate = self.random.choice((0.0, 0.15, 0.3, 0.5))
        self._is_lasting = self.random.random() < 0.25
        self._lasting: dict[str, str] = {}
        self._silent: Counter[str] = Counter()

    def feed(self) -> dict[str, Any]:
        """The feed a user would write for it."""
        base = {
            "entity": "products", "kind": "rest", "retries": 3, "timeout": 0.3, "page_size": self.page_size,
            "columns": {"product_id": "id", "name": "name"},
        }  # fmt: skip
        cursor = {"type": "cursor", "cursor_path": "cursor", "cursor_param": "cursor"}
        return base | {
            "shopware": {
                "url": f"{self.url}/api/search/product", "method": "POST", "records": "data", "total": "total",
                "body": {"page": 1, "limit": self.page_size, "total-count-mode": 1},
                "paginator": {"type": "page_number", "base_page": 1, "page_body_path": "page"}, "errors": "errors",
                "auth": {
                    "type": "oauth2_client_credentials", "access_token_url": f"{self.url}/api/oauth/token",
                    "client_id": "id", "client_secret": "secret",
                },
            },
            "woocommerce": {
                "url": f"{self.url}/wp-json/wc/v3/products", "params": {"per_page": self.page_size},
                "auth": {"type": "http_basic", "username": "ck", "password": "cs-secret"},
                "paginator": {"type": "header_link"}, "total": {"header": "X-WP-Total"},
            },
            "shopify": {
                "url": f"{self.url}/admin/api/graphql.json", "method": "POST", "records": "data.products.nodes",
                "body": {"query": "query($after: String) { products { nodes { id } } }", "variables": {"after": None}},
                "paginator": {
                    "type": "cursor", "cursor_path": "data.products.pageInfo.endCursor",
                    "cursor_body_path": "variables.after", "has_more_path": "data.products.pageInfo.hasNextPage",
                },
                "errors": "errors", "total": "data.productsCount.count",
            },
            "matomo": {
                "url": f"{self.url}/index.php", "params": {"module": "API", "format": "json"},
                "paginator": {
                    "type": "offset", "limit": self.page_size, "offset_param": "filter_offset",
                    "limit_param": "filter_limit",
                },
                "errors": {"result": "error"},
            },
            "mastodon": {
                "url": f"{self.url}/api/v1/timelines/tag/zelt", "params": {"limit": self.page_size},
                "paginator": {"type": "header_link"},
            },
            "bluesky": {
                "url": f"{self.url}/xrpc/app.bsky.feed.searchPosts", "params": {"q": "zelt", "limit": self.page_size},
                "records": "posts", "paginator": cursor,
                "auth": {
                    "type": "login", "url": f"{self.url}/xrpc/com.atproto.server.createSession",
                    "body": {"identifier": "shop.example", "password": "app-secret"}, "token": "accessJwt",
                },
            },
        }[self.shape]  # fmt: skip

    def __enter__(self) -> FaultyApi:
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                api.answer(self, parts.path, dict(parse_qsl(parts.query)), None)

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                is_json = self.headers["Content-Type"] == "application/json"
                api.answer(self, self.path, {}, json.loads(sent) if is_json else {})

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # the client has given up a connection, as it should

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: Any, path: str, params: dict[str, str], body: Any) -> None:
        """Answer a request, or spoil the answer."""
        if path.endswith(("/token", "createSession")):
            value = {"access_token": "t0ken", "expires_in": 600, "accessJwt": "t0ken"}
            _send(handler, 200, {}, json.dumps(value).encode())
            return
        at = self._start(params, body or {})
        fault = self._draw(f"{path} {at}", at)
        value, headers = self._page(at, fault)
        content = json.dumps(value).encode()
        if fault is not None:
            self.faults.append(fault)
        self._spoil(handler, fault, headers, content)

    def _start(self, params: dict[str, str], body: dict[str, Any]) -> int:
        """Place of the first record asked for."""
        if self.shape == "shopware":
            return (body["page"] - 1) * self.page_size
        if self.shape == "shopify":
            return int(body["variables"]["after"] or 0)
        if self.shape == "woocommerce":
            return (int(params.get("page", 1)) - 1) * self.page_size
        if self.shape == "mastodon":
            below = int(params.get("max_id", 10_000))
            return sum(int(record["id"]) >= below for record in self.records)
        return int(params.get("filter_offset") or params.get("cursor") or 0)

    def _draw(self, page: str, at: int) -> str | None:
        if page in self._lasting:
            return self._lasting[page]
        if self.random.random() >= self._rate:
            return None
        is_last = at + self.page_size >= len(self.records)
        kinds = list(LOUD)
        if self.shape in WITH_TOTAL:
            kinds += SILENT
        elif self._is_lasting:
            # Without a total, a list that ends too early every time it is read is the list, as far as anybody knows.
            kinds += ["circle", "duplicate"]
            if self.shape == "matomo" and not is_last and len(self.records) - at > 2 * self.page_size:
                kinds.append("short")
        elif not self._silent[page]:
            # For the same reason a page is shortened once, not twice in the same way.
            kinds += SILENT
        fault = self.random.choice(kinds)
        self._silent[page] += fault in SILENT
        if self._is_lasting:
            self._lasting[page] = fault
        return fault

    def _page(self, at: int, fault: str | None) -> tuple[Any, dict[str, str]]:
        shown = max(0, at - self.page_size) if fault == "duplicate" else at
        records = self.records[shown : shown + self.page_size]
        following: int | None = shown + self.page_size
        if fault == "short":
            # In the middle of the page, at its end: what is dropped is dropped.
            records = [record for record in records if self.random.random() < 0.5] if records else records
        if fault == "empty":
            records = []
        if fault == "circle":
            following = shown
        elif following >= len(self.records) or fault == "lost_cursor":
            following = None
        return self._shaped(records, following)

    def _shaped(self, records: list[Any], following: int | None) -> tuple[Any, dict[str, str]]:
        total = len(self.records)
        if self.shape == "shopware":
            return {"total": total, "data": records, "aggregations": []}, {}
        if self.shape == "shopify":
            info = {"hasNextPage": following is not None, "endCursor": following and str(following)}
            return {
                "data": {"productsCount": {"count": total}, "products": {"nodes": records, "pageInfo": info}},
                "extensions": {"cost": {"requestedQueryCost": 12}},
            }, {}
        if self.shape == "bluesky":
            return {"posts": records, **({} if following is None else {"cursor": str(following)})}, {}
        headers = {"X-WP-Total": str(total)} if self.shape == "woocommerce" else {}
        if following is not None and self.shape in ("woocommerce", "mastodon"):
            where = (
                {"page": following // self.page_size + 1, "per_page": self.page_size}
                if self.shape == "woocommerce"
                else {"max_id": self.records[following - 1]["id"], "limit": self.page_size}
            )
            path = self.feed()["url"]
            headers["Link"] = f'<{path}?{urlencode(where)}>; rel="next"'
        return records, headers

    def _spoil(self, handler: Any, fault: str | None, headers: dict[str, str], content: bytes) -> None:
        half = content[: max(1, len(content) // 2)]
        if fault == "429":
            _send(handler, 429, {"Retry-After": self.random.choice(("0", "Wed, 21 Oct 2015 07:28:00 GMT"))}, b"")
        elif fault == "500":
            _send(handler, self.random.choice((500, 502, 503)), {}, b"<html>oops</html>")
        elif fault == "hang":
            time.sleep(HANG_SECONDS)
            _send(handler, 200, headers, content)
        elif fault == "truncated":
            _send(handler, 200, headers, half)
        elif fault == "cut":
            _send(handler, 200, headers, half, length=len(content))
            handler.close_connection = True
        elif fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        elif fault == "error_200":
            _send(handler, 200, {}, json.dumps(self._failure()).encode())
        elif fault == "html":
            _send(handler, 200, {"Content-Type": "text/html"}, b"<html>Please sign in</html>")
        elif fault == "broken_gzip":
            _send(handler, 200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(content)[:-12] + b"x" * 12)
        elif fault == "no_content":
            _send(handler, 204, {}, b"")
        else:
            _send(handler, 200, headers, content)

    def _failure(self) -> Any:
        if self.shape == "shopify":
            # GraphQL answers with what it has beside what went wrong.
            whole, _ = self._page(0, "short")
            return {**whole, "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
        if self.shape == "matomo":
            return {"result": "error", "message": "You must be logged in"}
        if self.shape == "shopware":
            return {"total": 0, "data": [], "errors": [{"status": "503", "title": "maintenance"}]}
        return {"error": "quota exceeded", "code": "rest_error"}


def _send(handler: Any, status: int, headers: dict[str, str], content: bytes, length: int | None = None) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content) if length is None else length))
    handler.end_headers()
    handler.wfile.write(content)
