-- One row per order line, latest delivery, money converted at the rate of the order's day.

{% set delivered = delivered_keys('order_lines', stored('stg_sales__order_lines'), ['order_id']) %}
{% set affected = delivered ~ ' union all select order_id from ' ~ changes('stg_sales__orders') %}
{{ config(
    materialized='keyed', key=['order_id', 'line_no'], affected=affected, scope=['order_id'], logged=['order_id'],
    unlogged=['loaded_at', 'delivery_date']
) }}

with lines as (

    select *
    from {{ source('raw', 'order_lines') }}
    where {{ affected_only('order_id') }}
    qualify {{ latest_delivery(['order_id', 'line_no']) }}

)

select
    lines.order_id,
    lines.line_no,
    lines.product_id,
    lines.quantity,
    coalesce(lines.returned_quantity, 0) as returned_quantity,
    lines.returned_at,
    {{ local_date('lines.returned_at') }} as returned_date,
    lines.net_amount,
    lines.cost_amount,
    orders.currency,
    orders.order_date,
    {{ converted('lines.net_amount', 'rates.rate') }} as net_amount_eur,
    {{ converted('lines.cost_amount', 'rates.rate') }} as cost_amount_eur,
    lines._source as feed,
    lines._delivery_date as delivery_date,
    lines._loaded_at as loaded_at
from lines
left join {{ ref('stg_sales__orders') }} as orders on lines.order_id = orders.order_id
{{ join_rate('rates', 'orders.currency', 'orders.order_date') }}
