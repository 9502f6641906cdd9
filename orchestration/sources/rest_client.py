"""One API as a feed sees it: signed in, at its pace, tried again, and never believed when an answer is not whole.

Session, retries, sign-in and paginators are dlt's. The loop over the pages is written here, because dlt's takes an
answer without records for the end of the list, and a list that ends too early is what must not happen.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from dlt.sources.helpers.requests.retry import DEFAULT_RETRY_EXCEPTIONS, Client
from dlt.sources.helpers.rest_client.paginators import (
    BasePaginator,
    OffsetPaginator,
    RangePaginator,
    SinglePagePaginator,
)
from dlt.sources.rest_api.config_setup import create_paginator
from requests import Request, Response, Session
from requests.exceptions import ContentDecodingError

from orchestration.sources.config import Feed
from orchestration.sources.deliveries import UnreadableError
from orchestration.sources.errors import ConfigError
from orchestration.sources.records import faults, inner_records, outer_records, values_at, with_answer
from orchestration.sources.rest_auth import renew, sign_in
from orchestration.sources.rest_transport import LONGEST_PAUSE, PASSING, Adapter, ApiError

#: Seconds before the second attempt; the pause doubles from attempt to attempt.
BACKOFF = 1.0
_CONNECT_TIMEOUT = 10.0


class Api:
    """Asks one API. Pace, connections and sign-in are shared by all requests of a feed.

    Parameters
    ----------
    feed : Feed
        Of kind rest.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._settings = settings = feed.connection
        self._attempts = settings.get("retries", 4) + 1
        self._total_at = settings.get("total")
        if self._total_at is None and settings["paginator"]["type"] == "offset":
            self._total_at = settings["paginator"].get("total_path")
        self._adapter = Adapter(settings.get("rate_limit"), settings.get("deadline", 3600))
        self._last: tuple[Response, _Answer] | None = None
        self._session = self._client(self._is_passing_fault)
        self._auth = sign_in(feed, self._client(None))
        self._paginator()  # wrong settings are said before anything is asked

    def _client(self, is_faulty: Any) -> Session:
        timeout = self._settings.get("timeout", 120)
        session = Client(
            request_timeout=(min(_CONNECT_TIMEOUT, timeout), timeout),
            raise_for_status=False,
            exceptions=(*DEFAULT_RETRY_EXCEPTIONS, ContentDecodingError),
            request_max_attempts=self._attempts,
            retry_condition=is_faulty,
            request_backoff_factor=BACKOFF,
            request_max_retry_delay=LONGEST_PAUSE,
        ).session
        for scheme in ("http://", "https://"):
            session.mount(scheme, self._adapter)
        return session

    def _is_passing_fault(self, response: Response | None, _: BaseException | None) -> bool:
        return response is not None and self._judged(response).fault is not None and self._judged(response).passing

    def close(self) -> None:
        """Give back the connections."""
        self._adapter.close()

    def start_delivery(self) -> None:
        """Let the deadline begin anew."""
        self._adapter.start()

    def pages(self, request: Mapping[str, Any]) -> Iterator[list[Any]]:
        """Records page by page, from the first request to the end of the list.

        Parameters
        ----------
        request : mapping
            `url`, `method`, `params`, `body`, `headers`, everything filled in.

        Raises
        ------
        ApiError
            The list is not whole, as far as can be told.
        """
        paginator = self._paginator()
        asked = Request(
            request.get("method", "GET"), request["url"], headers=request.get("headers"), auth=self._auth,
            params=copy.deepcopy(request.get("params")), json=copy.deepcopy(request.get("body")),
        )  # fmt: skip
        paginator.init_request(asked)
        chain = _Chain(self._feed, isinstance(paginator, RangePaginator))
        while True:
            page = self._page(asked, paginator, chain)
            chain.add(page)
            yield page.records
            if not paginator.has_next_page:
                break
            before = str(asked.url)
            paginator.update_request(asked)
            _refuse_elsewhere(before, str(asked.url))
        chain.end()

    def _page(self, asked: Request, paginator: BasePaginator, chain: _Chain) -> _Page:
        """One page; asked for a second time if it is suspiciously short, until two answers agree."""
        page = self._ask(asked, paginator)
        if chain.is_believed(page, isinstance(paginator, SinglePagePaginator)):
            vars(paginator).update(vars(page.paginator))
            return page
        for _ in range(self._attempts):
            again = self._ask(asked, paginator)
            if (len(again.outer), again.paginator.has_next_page) == (len(page.outer), page.paginator.has_next_page):
                vars(paginator).update(vars(again.paginator))
                return again
            page = again
        raise ApiError("the same page has a different number of records each time it is asked for")

    def _ask(self, asked: Request, paginator: BasePaginator) -> _Page:
        response = self._send(asked)
        # A token that has run out: 401, or 400 as Bluesky says it.
        if response.status_code in (400, 401) and renew(self._auth):
            response = self._send(asked)
        answer = self._judged(response)
        if answer.fault:
            raise ApiError(answer.fault)
        after = copy.copy(paginator)
        try:
            after.update_state(response, answer.outer)
        except (ValueError, TypeError, KeyError, AttributeError):  # their messages quote the whole answer
            given = self._settings["paginator"]["type"]
            raise ApiError(f"the answer lacks what the paginator {given} needs; check paginator:") from None
        if isinstance(paginator, OffsetPaginator) and isinstance(after, OffsetPaginator) and answer.outer:
            # dlt goes on by `limit`, and would jump over records where the API gives fewer than that at once.
            after.current_value = paginator.current_value + len(answer.outer)
        return _Page(answer.outer, answer.records, self._total(response, answer.document), after)

    def _send(self, asked: Request) -> Response:
        prepared = self._session.prepare_request(asked)
        options = self._session.merge_environment_settings(str(prepared.url), {}, None, None, None)
        return self._session.send(prepared, allow_redirects=False, **options)

    def _judged(self, response: Response) -> _Answer:
        """What an answer holds, worked out once: the retries ask, and then we do."""
        if self._last is None or self._last[0] is not response:
            self._last = (response, self._judge(response))
        return self._last[1]

    def _judge(self, response: Response) -> _Answer:
        if response.is_redirect:
            return _Answer(f"status {response.status_code}: the address has moved; correct url:", passing=False)
        if response.status_code >= 300:
            fault = f"status {response.status_code} ({response.reason})"
            return _Answer(fault, passing=response.status_code in PASSING)
        if response.status_code == 204:
            return _Answer("status 204: no content is not an empty list")
        try:
            document = json.loads(response.content)
        except (ValueError, RecursionError):
            kind = response.headers.get("Content-Type", "").partition(";")[0] or "unnamed type"
            return _Answer(f"the answer is not complete JSON ({len(response.content)} bytes of {kind})")
        response.json = lambda **_: document  # type: ignore[method-assign]  # the paginators decode it again
        found = faults(document, self._settings.get("errors"))
        if found:
            return _Answer(f"the answer reports a failure: {json.dumps(found[0], ensure_ascii=False)[:300]}")
        feed = self._feed
        try:
            outer = outer_records(document, feed.records, feed.records_shape)
            records = with_answer(inner_records(outer, feed.records, feed.records_shape), document, feed.carry)
        except UnreadableError as error:
            return _Answer(str(error))
        return _Answer(None, document, outer, records)

    def _total(self, response: Response, document: Any) -> int | None:
        wanted = self._total_at
        if wanted is None:
            return None
        found = (
            response.headers.get(wanted["header"])
            if isinstance(wanted, Mapping)
            else next(iter(values_at(document, wanted)), None)
        )
        try:
            return int(cast(Any, found))
        except (TypeError, ValueError):
            raise ApiError(f"the answer does not say the total number of records; check total: {wanted}") from None

    def _paginator(self) -> BasePaginator:
        given = dict(self._settings["paginator"])
        if given["type"] == "offset":
            given["total_path"] = None  # the list is read to its end, and held against the total there
        elif given["type"] == "page_number":
            # dlt would look for `total` unasked, and mean the number of pages by it.
            given.setdefault("total_path", None)
        try:
            return cast(BasePaginator, create_paginator(cast(Any, given)))
        except (TypeError, ValueError) as error:
            where = self._feed.where_from
            raise ConfigError(f"{where}: paginator: {error}; see dlt's settings of this paginator") from error


@dataclass(slots=True)
class _Answer:
    """What one answer holds, or why it cannot be used; `passing` if that may be better next time."""

    fault: str | None
    document: Any = None
    outer: list[Any] = field(default_factory=list)
    records: list[Any] = field(default_factory=list)
    passing: bool = True


@dataclass(slots=True)
class _Page:
    """One believed answer, and the paginator as it is after it."""

    outer: list[Any]
    records: list[Any]
    total: int | None
    paginator: BasePaginator


class _Chain:
    """What is known about the list while its pages arrive."""

    def __init__(self, feed: Feed, is_numbered: bool) -> None:
        size = feed.connection.get("page_size") or feed.connection["paginator"].get("limit")
        self._size: int | None = size
        self._is_numbered = is_numbered
        self._longest = 0
        self._short_page: int | None = None
        self._pages: set[bytes] = set()
        self._seen: set[bytes] = set()
        self._count = 0
        self._number = 0
        self._total: int | None = None

    def is_believed(self, page: _Page, is_single: bool) -> bool:
        """Whether a page need not be asked for again: it is full, or the total will tell."""
        is_full = len(page.outer) >= max(1, self._size or 0, self._longest)
        if page.total is not None:
            return is_full or self._count + len(page.outer) == page.total
        return is_full and (is_single or page.paginator.has_next_page)

    def add(self, page: _Page) -> None:
        """Count a page, and see whether it can follow the ones before."""
        self._number += 1
        self._total = page.total
        if not page.outer:
            return
        if self._short_page is not None:
            raise ApiError(f"page {self._short_page} has fewer than {self._size} records, yet another page follows it")
        hashes = [_hash(record) for record in page.outer]
        whole = b"".join(hashes)
        if whole in self._pages:
            raise ApiError("the API leads from page to page in a circle, or a page came twice; check paginator:")
        self._pages.add(whole)
        self._seen.update(hashes)
        self._count += len(page.outer)
        self._longest = max(self._longest, len(page.outer))
        if self._is_numbered and self._size is not None and len(page.outer) < self._size:
            self._short_page = self._number

    def end(self) -> None:
        """Hold what arrived against what the API says there is."""
        if self._total is None:
            return
        if self._count != self._total:
            raise ApiError(f"{self._count} of {self._total} records arrived")
        if len(self._seen) != self._total:
            twice = self._total - len(self._seen)
            raise ApiError(f"{twice} of {self._total} records came twice, as many others must be missing")


def _refuse_elsewhere(before: str, after: str) -> None:
    """A next page elsewhere would be sent what signs us in."""
    old, new = urlsplit(before), urlsplit(after)
    if (old.scheme, old.hostname, old.port) != (new.scheme, new.hostname, new.port):
        raise ApiError(f"the next page lies on {new.scheme}://{new.hostname}, not where url: points; correct url:")


def _hash(record: Any) -> bytes:
    return hashlib.blake2b(json.dumps(record, sort_keys=True).encode(), digest_size=16).digest()
