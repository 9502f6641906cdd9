-- One row per product, latest delivery; the price is converted at the rate of the day it was loaded.

{% set affected = delivered_keys('products', stored('stg_sales__products'), ['product_id']) %}
{{ config(
    materialized='keyed', key=['product_id'], affected=affected,
    unlogged=['loaded_at', 'delivery_date', 'priced_on']
) }}

with products as (

    select
        *,
        {{ local_date('_loaded_at') }} as priced_on,
        coalesce(upper(currency), '{{ var("currency") }}') as money_currency
    from {{ source('raw', 'products') }}
    where {{ affected_only('product_id') }}
    qualify {{ latest_delivery(['product_id']) }}

)

select
    products.product_id,
    products.name,
    products.category,
    products.brand,
    products.price,
    products.money_currency as currency,
    products.priced_on,
    {{ converted('products.price', 'rates.rate') }} as price_eur,
    products._source as feed,
    products._delivery_date as delivery_date,
    products._loaded_at as loaded_at
from products
{{ join_rate('rates', 'products.money_currency', 'products.priced_on') }}
