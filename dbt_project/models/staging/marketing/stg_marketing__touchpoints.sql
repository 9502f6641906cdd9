-- One row per contact outside the web shop, latest delivery.

{% set affected = delivered_keys('touchpoints', stored('stg_marketing__touchpoints'), ['touchpoint_id']) %}
{{ config(
    materialized='keyed', key=['touchpoint_id'], affected=affected, logged=['touchpoint_id', 'customer_key', 'visitor_id'],
    unlogged=['loaded_at', 'delivery_date']
) }}

select
    touchpoint_id,
    occurred_at,
    {{ local_date('occurred_at') }} as touchpoint_date,
    lower(touchpoint_type) as touchpoint_type,
    lower(direction) as direction,
    customer_key,
    visitor_id,
    lower(channel) as channel,
    campaign_id,
    store_id,
    outcome,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'touchpoints') }}
where {{ affected_only('touchpoint_id') }}
qualify {{ latest_delivery(['touchpoint_id']) }}
