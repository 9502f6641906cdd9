"""A small HTTP server that answers as told, one answer after the other."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = tuple[int, dict[str, str], bytes]


def ok(value: Any, **headers: str) -> Answer:
    return 200, headers, json.dumps(value).encode()


class ApiServer:
    """`answer(path, params, attempt)` decides; `requests` keeps what was asked.

    Fields of a POST's body are params, too.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.answer: Callable[[str, dict[str, Any], int], Answer] = lambda path, params, attempt: ok([])

    def __enter__(self) -> ApiServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                params = {**dict(parse_qsl(parts.query)), **self._sent()}
                attempt = sum(asked == (parts.path, params) for asked in [r[:2] for r in outer.requests])
                outer.requests.append((parts.path, params, dict(self.headers)))
                status, headers, body = outer.answer(parts.path, params, attempt)
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name the base class asks for

            def _sent(self) -> dict[str, Any]:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                is_json = "json" in self.headers.get("Content-Type", "")
                return json.loads(body) if body and is_json else dict(parse_qsl(body))

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
