"""HTTP APIs that answer in JSON: which requests a day needs, and the rows of their answers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from orchestration.sources import watermarks
from orchestration.sources.config import Feed
from orchestration.sources.deliveries import JSON_COLUMN, Chunk, Delivery, UnreadableError, fill_day, numbered
from orchestration.sources.records import EACH

#: An API that failed for so many days in a row is not asked for the next ones: each costs all attempts again.
_ENOUGH_FAILURES = 3
_REQUEST = ("url", "method", "params", "body", "headers")


def find_deliveries(feed: Feed, days: Sequence[date]) -> list[Delivery]:
    """One delivery per day if the request names the day, else one snapshot."""
    name = feed.masked(re.sub(r"//[^/@]*@", "//", feed.connection["url"].split("?")[0]))
    if feed.cursor:
        return watermarks.find_deliveries(feed, days, name)
    return [Delivery.of_day(feed, day, name, day) for day in feed.windows(days)]


def read_deliveries(deliveries: Sequence[Delivery], timezone: str) -> Iterator[Chunk]:
    """Records of the answers. A day that does not arrive whole is marked, never passed off as a short one.

    Parameters
    ----------
    timezone : str
        Where the days begin at midnight.
    """
    # requests and dlt's client take a second to import, which loads from files need not pay
    from requests import RequestException

    from orchestration.sources.rest_client import Api

    if not deliveries:
        return
    feed = deliveries[0].feed
    api = Api(feed)
    failures = 0
    try:
        for delivery in deliveries:
            try:
                if failures >= _ENOUGH_FAILURES:
                    raise RequestException(f"not asked for after {failures} failures in a row, see above")
                yield from _read(api, delivery, timezone)
            except (RequestException, UnreadableError) as error:
                failures += 1
                state = "truncated" if delivery.rows_in else "missing"
                problem = f"{delivery.name} ({delivery.window}) did not answer completely: {_safe(feed, error)}"
                delivery.fail(state, problem)
            else:
                failures = 0
    finally:
        api.close()


def _read(api: Any, delivery: Delivery, timezone: str) -> Iterator[Chunk]:
    digest = hashlib.sha256()
    api.start_delivery()
    connection = delivery.feed.connection
    after = delivery.after
    if after is None and "cursor" in connection:
        after = connection["cursor"]["start"]
    for each in connection.get("for_each", [None]):
        request = {
            key: _filled(connection[key], delivery.location, timezone, each, after)
            for key in _REQUEST
            if key in connection
        }
        for records in api.pages(request):
            if each is not None:
                records = [{**record, EACH: each} if isinstance(record, dict) else record for record in records]
            texts = [_text(record) for record in records]
            for text in texts:
                digest.update(text.encode())
            yield numbered(delivery, pa.table({JSON_COLUMN: pa.array(texts, pa.string())}))
    delivery.sha256 = digest.hexdigest()
    if delivery.rows_in == 0:
        delivery.state = "empty"


def _text(record: Any) -> str:
    text = json.dumps(record, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character, which only JSON can write; the mapping will say so of its row
        return json.dumps(record)
    return text


def _filled(value: Any, day: date | None, zone: str, each: Any, after: Any) -> Any:
    """`{day}`, `{next_day}`, `{each}` and `{cursor}` replaced wherever they stand."""
    if isinstance(value, Mapping):
        return {key: _filled(item, day, zone, each, after) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, day, zone, each, after) for item in value]
    if not isinstance(value, str):
        return value
    whole = re.fullmatch(r"\{each(?:\.(\w+))?\}", value)
    if whole and each is not None:  # a number stays one
        return _element(each, whole[1])
    if each is not None:
        value = re.sub(r"\{each(?:\.(\w+))?\}", lambda match: str(_element(each, match[1])), value)
    if after is not None:
        value = re.sub(r"\{cursor(?::([^{}]*))?\}", lambda match: _cursor(after, match[1]), value)
    return fill_day(value, day, zone)


def _cursor(after: Any, form: str | None) -> str:
    if isinstance(after, datetime):
        return after.astimezone(UTC).strftime(form or "%Y-%m-%dT%H:%M:%S.%fZ")
    return str(after)


def _element(each: Any, name: str | None) -> Any:
    if name is None:
        return each
    if not isinstance(each, Mapping) or name not in each:
        raise UnreadableError("missing", f"an element of for_each has no {name}; add it, or correct {{each.{name}}}")
    return each[name]


def _safe(feed: Feed, error: Exception) -> str:
    """The error without secrets and the addresses it quotes, which may hold some."""
    text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\")]*", r"\1?...", str(error))
    return feed.masked(re.sub(r"(url: /[^\s?]*)\?\S*", r"\1?...", text))
