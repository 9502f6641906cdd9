-- One row per order, latest delivery, money in the reporting currency.

{% set affected %}
{{ delivered_keys('orders', stored('stg_sales__orders'), ['order_id']) }}
union all
select stored.order_id
from {{ stored('stg_sales__orders') }} as stored
inner join {{ changes('stg_sales__stores') }} as stores on stored.store_id = stores.store_id
{% endset %}
{{ config(
    materialized='keyed', key=['order_id'], affected=affected, logged=['order_id', 'customer_key', 'visitor_id'],
    unlogged=['loaded_at', 'delivery_date']
) }}

with orders as (

    select
        *,
        {{ local_date('ordered_at') }} as order_date,
        upper(coalesce(ship_country, '{{ var("default_country") }}')) as region_country
    from {{ source('raw', 'orders') }}
    where {{ affected_only('order_id') }}
    qualify {{ latest_delivery(['order_id']) }}

),

regions as (

    {{ regions_of('orders', 'ship_postal_code', 'region_country') }}

)

select
    orders.order_id,
    orders.ordered_at,
    orders.order_date,
    orders.customer_key,
    orders.visitor_id,
    orders.account_id,
    coalesce(lower(orders.sales_channel), case when orders.store_id is null then 'web' else 'store' end)
        as sales_channel,
    orders.store_id,
    orders.ship_postal_code,
    orders.ship_country,
    -- What the customer carries home has no delivery address: the shop's region stands for it.
    coalesce(regions.region, stores.region) as region,
    lower(orders.status) as status,
    orders.coupon_code,
    coalesce(orders.is_test, false) as is_test,
    coalesce(orders.is_b2b, false) as is_b2b,
    orders.gross_amount,
    orders.net_amount,
    orders.discount_amount,
    upper(orders.currency) as currency,
    {{ converted('orders.gross_amount', 'rates.rate') }} as gross_amount_eur,
    {{ converted('orders.net_amount', 'rates.rate') }} as net_amount_eur,
    {{ converted('orders.discount_amount', 'rates.rate') }} as discount_amount_eur,
    orders._source as feed,
    orders._delivery_date as delivery_date,
    orders._loaded_at as loaded_at
from orders
left join regions
    on orders.region_country = regions.country and orders.ship_postal_code = regions.postal_code
left join {{ ref('stg_sales__stores') }} as stores on orders.store_id = stores.store_id
{{ join_rate('rates', 'orders.currency', 'orders.order_date') }}
