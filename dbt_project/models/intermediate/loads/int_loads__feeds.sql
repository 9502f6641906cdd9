-- One row per feed and entity that delivered rows: the last thing that happened in it and its last delivery.

{% set entities = {
    'web_events': ('stg_web__events', 'occurred_at'),
    'identity_links': ('stg_web__identity_links', 'seen_at'),
    'orders': ('stg_sales__orders', 'ordered_at'),
    'order_lines': ('stg_sales__order_lines', none),
    'products': ('stg_sales__products', none),
    'customers': ('stg_sales__customers', none),
    'stores': ('stg_sales__stores', none),
    'touchpoints': ('stg_marketing__touchpoints', 'occurred_at'),
    'campaign_spend': ('stg_marketing__campaign_spend', "cast(spend_date as timestamp with time zone)"),
    'mailings': ('stg_marketing__mailings', 'dropped_at'),
    'experiments': ('stg_marketing__experiments', 'assigned_at'),
    'social_posts': ('stg_social__posts', 'posted_at'),
    'weather_observations': ('stg_weather__observations', 'observed_at'),
    'weather_forecasts': ('stg_weather__forecasts', 'issued_at'),
} %}

with feeds as (

    {% for entity, (model, time) in entities.items() %}
        select
            feed,
            '{{ entity }}' as entity,
            {{ 'max(' ~ time ~ ')' if time else 'cast(null as timestamp with time zone)' }} as last_event_at,
            max(delivery_date) as last_delivery_date,
            max(loaded_at) as last_loaded_at,
            count(*) as current_rows
        from {{ ref(model) }}
        group by feed
        {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    feed,
    entity,
    last_event_at,
    -- A snapshot has no day of delivery.
    nullif(last_delivery_date, cast('1970-01-01' as date)) as last_delivery_date,
    last_loaded_at,
    current_rows
from feeds
