"""The raw contract: what every source must deliver, as Arrow schemas. Nothing else decides names or types.

A feed lands as text, is cast to these schemas in one SQL statement per entity, and every row that does not fit goes
to `raw.quarantine` with its reason. Columns that a source lacks are NULL.

What the layers above may rely on: a delivery is a feed's day (or its snapshot), and its rows in `raw` are replaced as a
whole. `_loaded_at` of its rows and `finished_at` of its batches are the moment its *content* last changed: they are
equal, they move when and only when the rows of that delivery were replaced (another file, another mapping, rows
replayed from quarantine), and a delivery that was read again and found unchanged keeps both (`checked_at` moves). A
replaced delivery may have lost rows, so whoever builds on raw day by day takes all rows of a delivery whose
`finished_at` is new, and drops what it had of it; a delivery that became empty has a new `finished_at` and no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa

TEXT = pa.string()
FLAG = pa.bool_()
COUNT = pa.int64()
NUMBER = pa.float64()
MONEY = pa.decimal128(18, 2)
DATE = pa.date32()
INSTANT = pa.timestamp("us", tz="UTC")

#: Clocks of sources may be so much fast; what is later lies in the future, is rejected and moves no watermark.
CLOCK_TOLERANCE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Entity:
    """One raw table.

    Attributes
    ----------
    name : str
        Table name in schema `raw`.
    key : tuple of str
        Columns that identify a row. A row delivered again replaces the earlier delivery (staging keeps the latest).
    schema : pyarrow.Schema
        Contract columns with their types, without the bookkeeping columns.
    required : tuple of str
        Columns, beside the key, that may not be NULL.
    time : str or None
        The column that says when the row happened; rows in the future or at epoch 0 are quarantined.
    personal : tuple of str
        Columns that are pseudonymised before anything is written.
    has_late_days : bool
        Whether a daily delivery may only bring rows of its own days: from `late_days` of the feed before the delivery
        to one day after it, in the zone of the business day. Others are quarantined as `too_late` or `too_early`, so
        that what a new day can change is bounded. Snapshots are exempt: they have no day.
    """

    name: str
    key: tuple[str, ...]
    schema: pa.Schema
    required: tuple[str, ...] = ()
    time: str | None = None
    personal: tuple[str, ...] = ()
    has_late_days: bool = False


#: Added to every raw row: where it came from, the business day of the delivery, and which load brought it.
BOOKKEEPING = pa.schema(
    [("_source", TEXT), ("_delivery_date", DATE), ("_row_number", COUNT), ("_loaded_at", INSTANT), ("_batch_id", TEXT)]
)

_MEASURES: list[tuple[str, pa.DataType]] = [
    ("temperature_celsius", NUMBER),
    ("precipitation_mm", NUMBER),
    ("sunshine_minutes", NUMBER),
    ("wind_speed_ms", NUMBER),
    ("humidity_share", NUMBER),
]

_ENTITIES = (
    Entity(
        "web_events",
        key=("event_id",),
        required=("occurred_at", "event_name", "visitor_id"),
        time="occurred_at",
        personal=("visitor_id", "customer_key"),
        has_late_days=True,
        schema=pa.schema(
            [
                ("event_id", TEXT),
                ("occurred_at", INSTANT),
                ("event_name", TEXT),
                ("visitor_id", TEXT),
                ("session_id", TEXT),
                ("customer_key", TEXT),
                ("page_url", TEXT),
                ("page_type", TEXT),
                ("referrer_url", TEXT),
                ("utm_source", TEXT),
                ("utm_medium", TEXT),
                ("utm_campaign", TEXT),
                ("utm_content", TEXT),
                ("utm_term", TEXT),
                ("click_id", TEXT),
                ("device_type", TEXT),
                ("country", TEXT),
                ("product_id", TEXT),
                ("category", TEXT),
                ("search_term", TEXT),
                ("quantity", NUMBER),
                ("value", MONEY),
                ("currency", TEXT),
                ("engaged_seconds", NUMBER),
                ("user_agent_class", TEXT),
                ("consent_analytics", FLAG),
                ("consent_marketing", FLAG),
                ("properties", TEXT),
            ]
        ),
    ),
    Entity(
        "orders",
        key=("order_id",),
        required=("ordered_at", "net_amount", "currency", "status"),
        time="ordered_at",
        personal=("customer_key", "visitor_id", "account_id"),
        schema=pa.schema(
            [
                ("order_id", TEXT),
                ("ordered_at", INSTANT),
                ("customer_key", TEXT),
                ("visitor_id", TEXT),
                ("sales_channel", TEXT),
                ("store_id", TEXT),
                ("ship_postal_code", TEXT),
                ("ship_country", TEXT),
                ("gross_amount", MONEY),
                ("net_amount", MONEY),
                ("discount_amount", MONEY),
                ("coupon_code", TEXT),
                ("currency", TEXT),
                ("status", TEXT),
                ("is_test", FLAG),
                ("is_b2b", FLAG),
                ("account_id", TEXT),
            ]
        ),
    ),
    Entity(
        "order_lines",
        key=("order_id", "line_no"),
        required=("product_id", "quantity", "net_amount"),
        schema=pa.schema(
            [
                ("order_id", TEXT),
                ("line_no", COUNT),
                ("product_id", TEXT),
                ("quantity", NUMBER),
                ("net_amount", MONEY),
                ("cost_amount", MONEY),
                ("returned_quantity", NUMBER),
                ("returned_at", INSTANT),
            ]
        ),
    ),
    Entity(
        "products",
        key=("product_id",),
        required=("name",),
        schema=pa.schema(
            [
                ("product_id", TEXT),
                ("name", TEXT),
                ("category", TEXT),
                ("brand", TEXT),
                ("price", MONEY),
                ("currency", TEXT),
            ]
        ),
    ),
    Entity(
        "customers",
        key=("customer_key",),
        personal=("customer_key", "account_id"),
        schema=pa.schema(
            [
                ("customer_key", TEXT),
                ("segment", TEXT),
                ("postal_code", TEXT),
                ("country", TEXT),
                ("first_order_at", INSTANT),
                ("account_id", TEXT),
                ("role", TEXT),
                ("consent_analytics", FLAG),
                ("consent_marketing", FLAG),
            ]
        ),
    ),
    Entity(
        "stores",
        key=("store_id",),
        required=("name",),
        schema=pa.schema(
            [
                ("store_id", TEXT),
                ("name", TEXT),
                ("postal_code", TEXT),
                ("country", TEXT),
                ("latitude", NUMBER),
                ("longitude", NUMBER),
                ("timezone", TEXT),
            ]
        ),
    ),
    Entity(
        "identity_links",
        key=("id_type", "id_value", "customer_key"),
        personal=("id_value", "customer_key"),
        time="seen_at",
        schema=pa.schema([("id_type", TEXT), ("id_value", TEXT), ("customer_key", TEXT), ("seen_at", INSTANT)]),
    ),
    Entity(
        "touchpoints",
        key=("touchpoint_id",),
        required=("occurred_at", "touchpoint_type"),
        time="occurred_at",
        personal=("customer_key", "visitor_id"),
        schema=pa.schema(
            [
                ("touchpoint_id", TEXT),
                ("occurred_at", INSTANT),
                ("touchpoint_type", TEXT),
                ("direction", TEXT),
                ("customer_key", TEXT),
                ("visitor_id", TEXT),
                ("channel", TEXT),
                ("campaign_id", TEXT),
                ("store_id", TEXT),
                ("outcome", TEXT),
            ]
        ),
    ),
    Entity(
        "campaign_spend",
        key=("spend_date", "channel", "campaign_id"),
        required=("cost", "currency"),
        schema=pa.schema(
            [
                ("spend_date", DATE),
                ("channel", TEXT),
                ("campaign_id", TEXT),
                ("platform", TEXT),
                ("campaign_name", TEXT),
                ("cost", MONEY),
                ("currency", TEXT),
                ("impressions", COUNT),
                ("clicks", COUNT),
            ]
        ),
    ),
    Entity(
        "mailings",
        key=("mailing_id", "customer_key"),
        required=("arm",),
        personal=("customer_key",),
        schema=pa.schema(
            [
                ("mailing_id", TEXT),
                ("customer_key", TEXT),
                ("arm", TEXT),
                ("dropped_at", INSTANT),
                ("unit_cost", MONEY),
                ("currency", TEXT),
                ("wave", TEXT),
                ("page_count", COUNT),
            ]
        ),
    ),
    Entity(
        "experiments",
        key=("experiment_id", "unit_id"),
        required=("arm",),
        time="assigned_at",
        # Visitors and customers are persons; a geo unit is hashed too, which costs nothing and forgets nothing.
        personal=("unit_id",),
        schema=pa.schema(
            [
                ("experiment_id", TEXT),
                ("unit_id", TEXT),
                ("unit_type", TEXT),
                ("arm", TEXT),
                ("assigned_at", INSTANT),
                ("campaign_id", TEXT),
            ]
        ),
    ),
    Entity(
        "social_posts",
        key=("post_id",),
        required=("network", "posted_at"),
        time="posted_at",
        personal=("author_hash",),
        schema=pa.schema(
            [
                ("post_id", TEXT),
                ("network", TEXT),
                ("posted_at", INSTANT),
                ("author_hash", TEXT),
                ("language", TEXT),
                ("text", TEXT),
                ("like_count", COUNT),
                ("repost_count", COUNT),
                ("reply_count", COUNT),
                ("url", TEXT),
                ("topic", TEXT),
            ]
        ),
    ),
    Entity(
        "weather_observations",
        key=("location_id", "observed_at", "source"),
        time="observed_at",
        schema=pa.schema([("location_id", TEXT), ("observed_at", INSTANT), ("source", TEXT), *_MEASURES]),
    ),
    Entity(
        "weather_forecasts",
        key=("location_id", "valid_at", "issued_at", "source"),
        time="issued_at",
        schema=pa.schema(
            [("location_id", TEXT), ("valid_at", INSTANT), ("issued_at", INSTANT), ("source", TEXT), *_MEASURES]
        ),
    ),
)

ENTITIES: dict[str, Entity] = {entity.name: entity for entity in _ENTITIES}

#: Rejected rows. One that a later load accepts stays as a record of what happened, with `replayed_at`; a row that is
#: still rejected waits (`replayed_at` is NULL). Waiting rows of a batch = its `rows_quarantined`.
QUARANTINE = pa.schema(
    [
        ("batch_id", TEXT),
        ("source", TEXT),
        ("entity", TEXT),
        ("row_number", COUNT),
        ("payload", TEXT),
        ("reason_code", TEXT),
        ("reason", TEXT),
        ("first_seen_at", INSTANT),
        ("replayed_at", INSTANT),
        ("window", TEXT),
        # How the wait ended. replayed: loaded, or found to be a duplicate or none of the feed's rows, after a fix.
        # delivered again: the source sent another file for the day, in which this row is no longer rejected.
        ("outcome", TEXT),
        # Whether the payload holds all that the row needs to be loaded from it; else only the delivery itself will do.
        ("is_whole", FLAG),
    ]
)

#: For every batch rows_in = rows_loaded + rows_quarantined + rows_duplicate.
LOAD_BATCHES = pa.schema(
    [
        ("batch_id", TEXT),
        ("source", TEXT),
        ("entity", TEXT),
        ("started_at", INSTANT),
        ("finished_at", INSTANT),
        ("rows_in", COUNT),
        ("rows_loaded", COUNT),
        ("rows_quarantined", COUNT),
        ("rows_duplicate", COUNT),
        ("file_name", TEXT),
        ("file_sha256", TEXT),
        ("window", TEXT),
        ("state", TEXT),  # loaded / empty / header_only / truncated / missing / drifted: kinds of "no rows" differ
        ("rows_filtered", COUNT),  # read, but not of the feed (`where`); not in rows_in
        ("rows_ambiguous", COUNT),  # of rows_in, with a wall-clock time that exists twice: the first was taken
        ("problem", TEXT),  # what is wrong with a delivery that could not be used, and the remedy
        ("mapping", TEXT),  # fingerprint of how the rows were mapped: the feed's settings and this package's code
        ("checked_at", INSTANT),  # last looked at; later than finished_at if it was found unchanged since
        ("source_columns", TEXT),  # columns the source has, used or not, with their kind, as a JSON object
        ("notes", TEXT),  # what changed in the source and does no harm: columns that are new, gone, renamed, moved
    ]
)
