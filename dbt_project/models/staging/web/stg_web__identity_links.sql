-- One row per id and customer it was seen with, latest delivery.

{% set affected = delivered_keys('identity_links', stored('stg_web__identity_links'), ['id_value']) %}
{{ config(
    materialized='keyed', key=['id_type', 'id_value', 'customer_key'], affected=affected, scope=['id_value'],
    unlogged=['loaded_at', 'delivery_date']
) }}

select
    lower(id_type) as id_type,
    id_value,
    customer_key,
    seen_at,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'identity_links') }}
where {{ affected_only('id_value') }}
qualify {{ latest_delivery(['id_type', 'id_value', 'customer_key']) }}
