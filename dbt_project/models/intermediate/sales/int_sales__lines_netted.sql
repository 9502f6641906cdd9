-- One row per line of an order that is neither a test nor cancelled, with what came back taken off.
--
-- An order delivered without lines stands here as its own line 0: otherwise its revenue would be missing from every
-- sum over lines, and the marts would disagree. A line whose cost nobody knows has no margin: NULL, not its revenue.

{% set affected %}
select order_id from {{ changes('stg_sales__orders') }}
union all
select order_id from {{ changes('stg_sales__order_lines') }}
union all
select lines.order_id
from {{ stored('stg_sales__order_lines') }} as lines
inner join {{ changes('stg_sales__products') }} as products on lines.product_id = products.product_id
{% endset %}
{{ config(
    materialized='keyed', key=['order_id', 'line_no'], affected=affected, scope=['order_id'], logged=['order_id'],
    unlogged_inputs=['stg_reference__exchange_rates']
) }}

with orders as (

    select
        orders.order_id,
        orders.ordered_at,
        orders.order_date,
        orders.region,
        orders.status,
        orders.net_amount,
        rates.rate
    from {{ ref('stg_sales__orders') }} as orders
    {{ join_rate('rates', 'orders.currency', 'orders.order_date') }}
    where not orders.is_test and orders.status <> 'cancelled' and {{ affected_only('orders.order_id') }}

),

lines as (

    select
        order_id,
        line_no,
        product_id,
        quantity,
        returned_quantity,
        net_amount,
        cost_amount
    from {{ ref('stg_sales__order_lines') }}
    where {{ affected_only('order_id') }}

    union all

    select
        orders.order_id,
        0 as line_no,
        null as product_id,
        1 as quantity,
        0 as returned_quantity,
        orders.net_amount,
        null as cost_amount
    from orders
    left join {{ ref('stg_sales__order_lines') }} as lines on orders.order_id = lines.order_id
    where lines.order_id is null

),

shares as (

    select
        lines.*,
        orders.ordered_at,
        orders.order_date,
        orders.region,
        orders.rate,
        case
            when orders.status = 'returned' then 0.0
            when lines.quantity > 0
                then 1 - least(greatest(lines.returned_quantity, 0), lines.quantity) / lines.quantity
            else 1.0
        end as kept_share
    from lines
    inner join orders on lines.order_id = orders.order_id

),

priced as (

    select
        *,
        quantity * kept_share as units,
        {{ converted('net_amount', 'rate') }} as sold_eur,
        {{ netted('net_amount', 'kept_share', 'rate') }} as revenue_eur,
        {{ netted('cost_amount', 'kept_share', 'rate') }} as cost_eur
    from shares

)

select
    priced.order_id,
    priced.line_no,
    priced.product_id,
    coalesce(products.category, 'unknown') as category,
    priced.ordered_at,
    priced.order_date,
    priced.region,
    priced.quantity as sold_units,
    priced.units,
    priced.sold_eur,
    priced.revenue_eur,
    priced.revenue_eur - priced.cost_eur as margin_eur,
    priced.sold_eur - priced.revenue_eur as returned_eur,
    sum(priced.units) over (partition by priced.order_id) = 0
    and sum(priced.quantity) over (partition by priced.order_id) > 0 as is_order_returned
from priced
left join {{ ref('stg_sales__products') }} as products on priced.product_id = products.product_id
