"""Web events in the shape of the GA4 export to BigQuery: nested records, parameters as key-value lists.

Both forms of the export come from one description: records for Parquet, and text for JSON, where BigQuery leaves out
what is null and writes 64-bit numbers as text. SQL puts the text together, several times as fast as a serialiser.
"""

from __future__ import annotations

from orchestration.sources.demo.assortment import SHOP_URL
from orchestration.sources.demo.web import EVENTS, FILTERS, PAGES

_PATHS = {
    "home": "'/'",
    "landing": "'/lp/' || CASE WHEN campaign = '' THEN 'start' ELSE replace(campaign, '_', '-') END",
    "content": "'/magazin/ratgeber-' || (1 + visit % 9)",
    "list": "'/c/' || coalesce(category_slug, 'neu')",
    "search": "'/search?q=' || url_encode(searched)",
    "product": "'/p/' || product_id || '-' || product_slug",
    "review": "'/p/' || product_id || '-' || product_slug || '/bewertungen'",
    "compare": "'/vergleich'",
    "wishlist": "'/merkliste'",
    "stores": "'/filialen'",
    "chat": "'/chat'",
    "cart": "'/cart'",
    "checkout": "'/checkout'",
    "shipping": "'/checkout/shipping'",
    "payment": "'/checkout/payment'",
    "confirmation": "'/checkout/confirmation'",
    "account": "'/account'",
    "order_status": "'/account/orders'",
    "returns": "'/account/returns'",
    "error": "'/fehler'",
}
_BASKET = "event_name IN ('view_cart', 'begin_checkout', 'add_shipping_info', 'add_payment_info', 'purchase')"
_ONE_ITEM = "event_name IN ('view_item', 'add_to_cart', 'add_to_wishlist', 'view_review', 'share')"
#: name -> (key, kind of the value, SQL expression)
_PARAMETERS = {
    "location": ("page_location", "string", "location"),
    "session": ("ga_session_id", "int", "session_id"),
    "number": ("ga_session_number", "int", "session_number"),
    "referrer": ("page_referrer", "string", "referrer"),
    "source": ("source", "string", "source"),
    "medium": ("medium", "string", "medium"),
    "campaign": ("campaign", "string", "campaign"),
    "engagement": ("engagement_time_msec", "int", "engaged_ms"),
    "term": ("search_term", "string", "searched"),
    "list": ("item_list_name", "string", "category_name"),
    "filter": ("filter_value", "string", "filtered"),
    "scrolled": ("percent_scrolled", "int", "detail"),
    "coupon": ("coupon", "string", "coupon"),
    "currency": ("currency", "string", "'EUR'"),
    "amount": ("value", "double", "amount"),
    "price": ("value", "double", "price"),
    "transaction": ("transaction_id", "string", "order_id"),
}
_BASE = ("location", "session", "number")
#: The first condition that holds says which parameters an event has beside the basic ones.
_CASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("is_entry AND campaign <> '' AND referrer <> ''", ("referrer", "source", "medium", "campaign")),
    ("is_entry AND campaign <> ''", ("source", "medium", "campaign")),
    ("is_entry AND referrer <> ''", ("referrer", "source", "medium")),
    ("is_entry", ("source", "medium")),
    ("event_name = 'user_engagement'", ("engagement",)),
    ("event_name = 'view_item_list'", ("list",)),
    ("event_name = 'view_search_results'", ("term",)),
    ("event_name = 'filter'", ("list", "filter")),
    ("event_name = 'scroll'", ("scrolled",)),
    ("event_name = 'add_to_cart'", ("currency", "price")),
    ("event_name = 'apply_coupon'", ("coupon",)),
    ("event_name = 'purchase' AND coupon <> ''", ("currency", "amount", "transaction", "coupon")),
    ("event_name = 'purchase'", ("currency", "amount", "transaction")),
    (_BASKET, ("currency", "amount")),
)


def _name(values: tuple[str, ...], code: str) -> str:
    return f"list_extract({list(values)!r}, CAST({code} AS INTEGER) + 1)"


def _as_struct(name: str) -> str:
    key, kind, expression = _PARAMETERS[name]
    types = {"string": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "double": "DOUBLE"}
    values = ", ".join(
        f"'{each}_value': CAST({expression if each == kind else 'NULL'} AS {type_})" for each, type_ in types.items()
    )
    return f"{{'key': '{key}', 'value': {{{values}}}}}"


def _as_text(name: str) -> str:
    key, kind, expression = _PARAMETERS[name]
    quote = "" if kind == "double" else '"'
    return f"""'{{"key":"{key}","value":{{"{kind}_value":{quote}' || {expression} || '{quote}}}}}'"""


def _parameters(text: bool) -> str:
    def row(extras: tuple[str, ...]) -> str:
        if text:
            return " || ',' || ".join(_as_text(name) for name in (*_BASE, *extras))
        return f"[{', '.join(_as_struct(name) for name in (*_BASE, *extras))}]"

    branches = " ".join(f"WHEN {condition} THEN {row(extras)}" for condition, extras in _CASES)
    return f"CASE {branches} ELSE {row(())} END"


def _located() -> str:
    paths = " ".join(f"WHEN {index} THEN {_PATHS[page]}" for index, page in enumerate(PAGES))
    return f"""
    WITH joined AS (
        SELECT
            ev.delivery, ev.position, ev.time_us, ev.event_date, ev.visit, ev.page, ev.detail, ev.engaged_ms, ev.bundle,
            ev.batch_index, {_name(EVENTS, "ev.event")} AS event_name, ev.page_number = 0 AND ev.event <= 1 AS is_entry,
            vi.* EXCLUDE (visit, way), ways.* EXCLUDE (way),
            products.id AS product_id, products.slug AS product_slug, products.price AS price, products.item AS item,
            coalesce(categories.name, '') AS category_name, categories.slug AS category_slug,
            baskets.items AS basket, baskets.amount AS amount,
            CASE ev.word
                WHEN 0 THEN lower(categories.name) || ' angebot' WHEN 1 THEN lower(categories.name) || ' günstig'
                WHEN 2 THEN lower(vi.brand) || ' ' || lower(categories.name) WHEN 3 THEN lower(categories.name)
                WHEN 4 THEN 'geschenk' END AS searched,
            CASE WHEN ev.detail = 2 THEN 'marke:' || vi.brand ELSE {_name(FILTERS, "ev.detail")} END AS filtered
        FROM ev
        JOIN vi USING (visit)
        JOIN ways USING (way)
        LEFT JOIN products USING (product)
        LEFT JOIN categories ON categories.category = ev.category
        LEFT JOIN baskets USING (visit)
    ),
    located AS (
        SELECT *, '{SHOP_URL}' || CASE page {paths} END || CASE
            WHEN NOT is_entry OR campaign = '' THEN ''
            ELSE '?utm_source=' || source || '&utm_medium=' || medium || '&utm_campaign=' || campaign || CASE
                WHEN click_id IS NULL THEN '' WHEN medium = 'cpc' THEN '&gclid=' || click_id ELSE '&fbclid=' || click_id
                END
            END AS location
        FROM joined
    )
    """


def visits(text: bool) -> str:
    """Query for the relation `vi`: visits of `visit_rows` with all that is the same for every event of a visit."""
    if not text:
        return """
        SELECT
            visit, way, session_id, session_number, user_pseudo_id, user_id, signed_in_us, brand, order_id, coupon,
            CASE WHEN click >= 0 THEN 'Cj0K' || click END AS click_id,
            {'analytics_storage': analytics, 'ads_storage': ads, 'uses_transient_token': 'No'} AS privacy_info,
            {'category': device, 'operating_system': os, 'language': language,
                'web_info': {'browser': browser, 'hostname': 'www.lindenhof.example'}} AS device,
            {'continent': 'Europe', 'country': country, 'region': region} AS geo,
            {'name': CAST(NULL AS VARCHAR), 'medium': first_ways.medium, 'source': first_ways.source} AS traffic_source
        FROM visit_rows
        JOIN (SELECT way AS first_way, medium, source FROM ways) AS first_ways USING (first_way)
        """
    return """
    SELECT
        visit, way, session_id, session_number, user_id, signed_in_us, brand, order_id, coupon,
        CASE WHEN click >= 0 THEN 'Cj0K' || click END AS click_id,
        '"user_pseudo_id":"' || user_pseudo_id || '","privacy_info":{"analytics_storage":"' || analytics
        || '","ads_storage":"' || ads || '","uses_transient_token":"No"},"device":{"category":"' || device
        || '","operating_system":"' || os || '","language":"' || language || '","web_info":{"browser":"' || browser
        || '","hostname":"www.lindenhof.example"}},"geo":{"continent":"Europe","country":"' || country
        || '","region":"' || region || '"},"traffic_source":{"medium":"' || first_ways.medium || '","source":"'
        || first_ways.source || '"},"platform":"WEB"' AS described
    FROM visit_rows
    JOIN (SELECT way AS first_way, medium, source FROM ways) AS first_ways USING (first_way)
    """


def products(text: bool) -> str:
    """Query for the relation `products`: rows of `product_rows` with the item as it stands in an event."""
    if text:
        item = """'{"item_id":"' || id || '","item_name":"' || name || '","item_brand":"' || brand
            || '","item_category":"' || category_name || '","price":' || price || ',"quantity":"1"}'"""
    else:
        item = """{'item_id': id, 'item_name': name, 'item_brand': brand, 'item_category': category_name,
            'price': price, 'quantity': CAST(1 AS BIGINT)}"""
    return f"SELECT *, {item} AS item FROM product_rows"


def baskets(text: bool) -> str:
    """Query for the relation `baskets`: one row per visit in `basket_lines` with its items and net amount."""
    if text:
        items = (
            "string_agg(replace(item, '\"quantity\":\"1\"', '\"quantity\":\"' || quantity || '\"'), ',' ORDER BY line)"
        )
    else:
        items = "list(struct_update(item, quantity := CAST(quantity AS BIGINT)) ORDER BY line)"
    return f"""
    SELECT visit, sum(net_cents) / 100.0 AS amount, count(*) AS line_count, {items} AS items
    FROM basket_lines
    JOIN products USING (product)
    GROUP BY visit
    """


def records() -> str:
    """Query for nested records: `delivery` and `position`, which order them, and the columns of the export."""
    return f"""
    {_located()}
    SELECT
        delivery, position,
        CAST(event_date AS VARCHAR) AS event_date,
        time_us AS event_timestamp,
        event_name,
        {_parameters(text=False)} AS event_params,
        bundle AS event_bundle_sequence_id,
        time_us // 1000 AS batch_page_id,
        batch_index AS batch_event_index,
        user_pseudo_id,
        CASE WHEN time_us >= signed_in_us THEN user_id END AS user_id,
        privacy_info, device, geo, traffic_source,
        CASE WHEN is_entry AND campaign <> '' THEN {{
            'manual_campaign_name': campaign, 'manual_source': source, 'manual_medium': medium,
            'gclid': CASE WHEN medium = 'cpc' THEN click_id END
        }} END AS collected_traffic_source,
        CASE WHEN event_name = 'purchase' THEN {{
            'purchase_revenue': amount, 'transaction_id': order_id
        }} END AS ecommerce,
        CASE WHEN {_BASKET} THEN basket WHEN {_ONE_ITEM} THEN [item] END AS items,
        'WEB' AS platform
    FROM located
    """


def lines() -> str:
    """Query for `delivery`, `position` and `line`: the same records as JSON."""
    return f"""
    {_located()}
    SELECT
        delivery, position,
        '{{"event_date":"' || event_date || '","event_timestamp":"' || time_us || '","event_name":"' || event_name
        || '","event_params":[' || {_parameters(text=True)} || '],"event_bundle_sequence_id":"' || bundle
        || '","batch_page_id":"' || (time_us // 1000) || '","batch_event_index":"' || batch_index || '",'
        || CASE WHEN time_us >= signed_in_us THEN '"user_id":"' || user_id || '",' ELSE '' END
        || CASE
            WHEN is_entry AND campaign <> '' THEN '"collected_traffic_source":{{"manual_campaign_name":"' || campaign
                || '","manual_source":"' || source || '","manual_medium":"' || medium
                || CASE WHEN medium = 'cpc' AND click_id IS NOT NULL THEN '","gclid":"' || click_id ELSE '' END
                || '"}},'
            WHEN event_name = 'purchase' THEN '"ecommerce":{{"purchase_revenue":' || amount || ',"transaction_id":"'
                || order_id || '"}},"items":[' || basket || '],'
            WHEN {_BASKET} THEN '"items":[' || basket || '],'
            WHEN {_ONE_ITEM} THEN '"items":[' || item || '],'
            ELSE '' END
        || described || '}}' || chr(10) AS line
    FROM located
    """
