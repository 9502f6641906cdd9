-- One row per store, latest delivery.

{% set affected = delivered_keys('stores', stored('stg_sales__stores'), ['store_id']) %}
{{ config(
    materialized='keyed', key=['store_id'], affected=affected,
    unlogged=['loaded_at', 'delivery_date']
) }}

with stores as (

    select
        *,
        upper(coalesce(country, '{{ var("default_country") }}')) as region_country
    from {{ source('raw', 'stores') }}
    where {{ affected_only('store_id') }}
    qualify {{ latest_delivery(['store_id']) }}

),

regions as (

    {{ regions_of('stores', 'postal_code', 'region_country') }}

)

select
    stores.store_id,
    stores.name,
    stores.postal_code,
    stores.country,
    regions.region,
    regions.location_id,
    stores.latitude,
    stores.longitude,
    coalesce(stores.timezone, '{{ var("timezone") }}') as timezone,
    stores._source as feed,
    stores._delivery_date as delivery_date,
    stores._loaded_at as loaded_at
from stores
left join regions on stores.region_country = regions.country and stores.postal_code = regions.postal_code
