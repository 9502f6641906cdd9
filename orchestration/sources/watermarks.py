"""Where a feed that is read by cursor goes on: after the newest row that its earlier deliveries brought into `raw`.

Nothing is kept beside the rows themselves. So what is in quarantine, or lies in the future, never moves the watermark,
and a day that is run again begins where it began, whatever ran in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.sources.casts import identifier
from orchestration.sources.config import Feed
from orchestration.sources.contract import CLOCK_TOLERANCE, ENTITIES
from orchestration.sources.deliveries import Delivery


def find_deliveries(feed: Feed, days: Sequence[date], name: str) -> list[Delivery]:
    """One delivery for all the days asked for, on the last of them: a cursor knows no days.

    Its `location` is the first of the days: what was delivered since then is read again.
    """
    covered = feed.covered(days)
    return [Delivery.of_day(feed, max(covered), name, min(covered))] if covered else []


def set_starts(
    connection: duckdb.DuckDBPyConnection, feed: Feed, deliveries: Sequence[Delivery], now: datetime
) -> None:
    """Note in each delivery of a cursor feed where to go on; None if nothing was delivered before.

    Parameters
    ----------
    now : datetime
        The clock; aware.
    """
    if feed.cursor is None:
        return
    kind = ENTITIES[feed.entity].schema.field(feed.cursor).type
    column = identifier(feed.cursor)
    value = f"max({column})"
    if pa.types.is_string(kind):
        # Whole numbers sort wrongly as text; other texts (ULIDs, ids of one length) sort as they are.
        number = f"try_cast({column} as hugeint)"
        value = f"case when count(*) = count({number}) then max({number})::varchar else max({column}) end"
    is_past = f"{column} <= $latest" if pa.types.is_timestamp(kind) else "$latest is not null"
    query = f"""
        select {value} from raw.{identifier(feed.entity)}
        where _source = $source and _delivery_date < $first and {column} is not null and {is_past}
    """
    for delivery in deliveries:
        parameters = {"source": feed.name, "first": delivery.location, "latest": now + CLOCK_TOLERANCE}
        found: Any = connection.execute(query, parameters).fetchone()
        delivery.after = found[0]
