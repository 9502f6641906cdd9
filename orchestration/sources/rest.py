"""HTTP APIs that answer in JSON, page by page, through dlt's REST client: retries, Retry-After, paginators, sign-in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from orchestration.sources.config import Feed
from orchestration.sources.deliveries import JSON_COLUMN, ROW, Chunk, Delivery, fill_day
from orchestration.sources.errors import ConfigError


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """One delivery per day if the request names the day, else one snapshot."""
    wanted: Sequence[date | None] = [day for day in days if feed.covers(day)] if feed.is_daily else [None]
    return [Delivery.of_day(feed, day, feed.connection["url"].split("?")[0], day) for day in wanted]


def read_deliveries(deliveries: Sequence[Delivery]) -> Iterator[Chunk]:
    """Records of the answers. A day that does not arrive whole is marked, never passed off as a short one."""
    # requests and dlt's client take a second to import, which loads from files need not pay
    from dlt.sources.helpers.rest_client import RESTClient
    from requests import RequestException

    for delivery in deliveries:
        settings = {key: _filled(value, delivery.location) for key, value in delivery.feed.connection.items()}
        digest = hashlib.sha256()
        seen: set[str] = set()
        client = RESTClient(
            base_url=settings["url"],
            headers=settings.get("headers"),
            auth=_auth(delivery.feed, settings),
            paginator=_paginator(delivery.feed, settings),
            session=_session(settings),
        )
        try:
            pages = client.paginate(
                method=settings.get("method", "GET"),
                params=settings.get("params"),
                json=settings.get("body"),
                data_selector=delivery.feed.records or "$",
                hooks={"response": [_Check(delivery.feed.records)]},
            )
            for page in pages:
                request = page.response.request
                asked = f"{request.url} {request.body!r}"
                if asked in seen:
                    raise RequestException("the API leads from page to page in a circle; check paginator:")
                seen.add(asked)
                yield _chunk(delivery, list(page), digest)
        except (RequestException, ValueError) as error:
            state = "truncated" if delivery.rows_in else "missing"
            delivery.fail(state, f"{delivery.name} ({delivery.window}) did not answer completely: {_safe(error)}")
        else:
            delivery.sha256 = digest.hexdigest()
            if delivery.rows_in == 0:
                delivery.state = "empty"


class _Check:
    """Refuses answers that are not whole, before dlt would take them for an empty page."""

    def __init__(self, records: str | None) -> None:
        self._records = records

    def __call__(self, response: Any, *args: Any, **kwargs: Any) -> None:
        from requests import HTTPError
        from requests.exceptions import ChunkedEncodingError, RequestException

        if response.status_code >= 400:
            # The address may hold a key, so requests' own message is not used.
            raise HTTPError(f"status {response.status_code} ({response.reason})", response=response)
        try:
            found = response.json()
        except ValueError as error:
            raise ChunkedEncodingError("the answer is not complete JSON") from error
        for part in self._records.split(".") if self._records else ():
            found = found.get(part) if isinstance(found, dict) else None
        if not isinstance(found, list):
            place = f"at {self._records}" if self._records else "at the top of the answer"
            raise RequestException(f"there is no list of records {place}; check records:")


def _chunk(delivery: Delivery, records: list[Any], digest: Any) -> Chunk:
    texts = [json.dumps(record, ensure_ascii=False) for record in records]
    for text in texts:
        digest.update(text.encode())
    numbers = range(delivery.rows_in + 1, delivery.rows_in + 1 + len(texts))
    delivery.rows_in += len(texts)
    return Chunk(delivery, pa.table({JSON_COLUMN: pa.array(texts, pa.string()), ROW: pa.array(numbers, pa.int64())}))


def _session(settings: dict[str, Any]) -> Any:
    from dlt.sources.helpers.requests.retry import Client

    attempts = settings.get("retries", 4) + 1
    return Client(raise_for_status=False, request_max_attempts=attempts, request_timeout=(10, 120)).session


def _paginator(feed: Feed, settings: dict[str, Any]) -> Any:
    from dlt.sources.rest_api.config_setup import create_paginator

    try:
        return create_paginator(settings["paginator"])
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{feed.where_from}: paginator: {error}; see dlt's settings of this paginator") from error


def _auth(feed: Feed, settings: dict[str, Any]) -> Any:
    from dlt.common.configuration.exceptions import ConfigurationException
    from dlt.sources.rest_api.config_setup import create_auth

    if "auth" not in settings:
        return None
    try:
        return create_auth(settings["auth"])
    except (ConfigurationException, TypeError, ValueError) as error:
        given = ", ".join(sorted(settings["auth"]))
        raise ConfigError(f"{feed.where_from}: auth: the settings {given} do not fit the type; see dlt's") from error


def _filled(value: Any, day: date | None) -> Any:
    """`{day}` and `{next_day}` replaced wherever they stand."""
    if isinstance(value, str):
        return fill_day(value, day)
    if isinstance(value, dict):
        return {key: _filled(item, day) for key, item in value.items()}
    return [_filled(item, day) for item in value] if isinstance(value, list) else value


def _safe(error: Exception) -> str:
    """The error without the addresses it quotes, which may hold keys."""
    from re import sub

    return sub(r"(https?://[^\s?'\"]+)\?[^\s'\")]*", r"\1?...", sub(r"(url: /[^\s?]*)\?\S*", r"\1?...", str(error)))
