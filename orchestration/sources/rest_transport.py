"""One request on its way: when it may leave, how long it may take, and how long an API asks to be left alone."""

from __future__ import annotations

import threading
import time
from email.utils import parsedate_to_datetime
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter

#: Seconds of the longest pause between two attempts, `Retry-After` included.
LONGEST_PAUSE = 300.0
#: Statuses that may be better next time.
PASSING = {408, 425, 429, *range(500, 600)}


class ApiError(RequestException):
    """An answer, or a row of answers, that cannot be believed; the message holds no address and no secret."""


class Adapter(HTTPAdapter):
    """Sends at the feed's pace and never beyond its deadline, however slowly the answer drips.

    Parameters
    ----------
    rate_limit : float or None
        Requests per minute.
    deadline : float
        Seconds from `start` until nothing is sent or waited for any more.
    """

    def __init__(self, rate_limit: float | None, deadline: float) -> None:
        super().__init__()
        self._gap = 60 / rate_limit if rate_limit else 0.0
        self._next = 0.0
        self._deadline = deadline
        self.start()

    def start(self) -> None:
        """Let the deadline begin anew."""
        self._until = time.monotonic() + self._deadline

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        """Send when it is time, and return the whole answer."""
        now = time.monotonic()
        begin = max(now, self._next)
        if begin >= self._until:
            raise self._too_late()
        time.sleep(begin - now)
        self._next = begin + self._gap
        response = super().send(request, *args, **{**options, "stream": True})
        watch = threading.Timer(max(0.0, self._until - time.monotonic()), response.raw.shutdown)
        watch.daemon = True
        watch.start()
        try:
            _ = response.content  # here, where the clock runs; requests keeps it
        except RequestException:
            if time.monotonic() < self._until:
                raise
        finally:
            watch.cancel()
        if time.monotonic() >= self._until:  # cut off, an answer without a length looks whole
            raise self._too_late()
        pause = _pause_asked_for(response)
        if pause > max(0.0, min(LONGEST_PAUSE, self._until - time.monotonic())):
            raise ApiError(f"the API asks to wait {pause:.0f} seconds (status {response.status_code}); run again later")
        return response

    def _too_late(self) -> ApiError:
        return ApiError(f"no complete answer within {self._deadline:g} seconds; raise deadline: or ask for less")


def _pause_asked_for(response: Response) -> float:
    """Seconds of the header Retry-After, which is a number or a date."""
    asked = response.headers.get("Retry-After", "").strip()
    if response.status_code not in PASSING or not asked:
        return 0.0
    try:
        return float(asked) if asked.isdigit() else parsedate_to_datetime(asked).timestamp() - time.time()
    except ValueError:
        return 0.0
