-- One row per line of a counted order of a customer who may be scored, with what was known when it was placed.
--
-- Whether it came back is the answer; the customer's earlier returns count from the day they arrived, not from the day
-- of the order they belong to. `is_known` once the time for returns is over.

{% set micros = epoch_micros('orders.ordered_at') %}

with lines as (

    select
        lines.order_id,
        lines.line_no,
        lines.product_id,
        lines.quantity,
        lines.net_amount_eur,
        lines.returned_at,
        lines.returned_quantity > 0 or orders.status = 'returned' as is_returned,
        orders.ordered_at,
        orders.order_date,
        orders.sales_channel,
        orders.region,
        orders.coupon_code is not null as has_coupon,
        orders.is_b2b,
        persons.person_id,
        {{ micros }} as ordered_micros,
        {{ epoch_micros('lines.returned_at') }} as returned_micros
    from {{ ref('stg_sales__order_lines') }} as lines
    inner join {{ ref('stg_sales__orders') }} as orders on lines.order_id = orders.order_id
    inner join {{ ref('int_identity__customers') }} as persons on orders.customer_key = persons.customer_key
    inner join {{ ref('int_customers__consents') }} as consents on persons.person_id = consents.person_id
    where
        not orders.is_test and orders.status <> 'cancelled' and lines.quantity > 0
        and consents.allows_scores

),

line_of_time as (

    select
        person_id,
        order_id,
        line_no,
        ordered_micros as micros,
        1 as bought,
        0 as returned
    from lines
    union all
    select
        person_id,
        null as order_id,
        null as line_no,
        returned_micros as micros,
        0 as bought,
        1 as returned
    from lines
    where returned_micros is not null

),

histories as (

    select
        order_id,
        line_no,
        sum(bought) over history as earlier_lines,
        sum(returned) over history as earlier_returns,
        max(micros) over history as known_micros
    from line_of_time
    window history as (partition by person_id order by micros range between unbounded preceding and 1 preceding)

)

select
    lines.order_id,
    lines.line_no,
    lines.person_id,
    make_timestamp(lines.ordered_micros) as ordered_at,
    lines.order_date,
    make_timestamp(histories.known_micros) as history_known_at,
    lines.order_date <= {{ add_days(as_of_date(), '-' ~ var('customer_return_days')) }} as is_known,
    lines.is_returned,
    coalesce(products.category, '') as category,
    coalesce(products.brand, '') as brand,
    coalesce(lines.sales_channel, '') as sales_channel,
    coalesce(lines.region, '') as region,
    lines.has_coupon,
    lines.is_b2b,
    cast(lines.quantity as double) as quantity,
    cast(lines.net_amount_eur / lines.quantity as double) as unit_price_eur,
    cast(count(*) over of_order as bigint) as order_lines,
    cast(sum(lines.net_amount_eur) over of_order as double) as order_eur,
    cast(count(*) over (partition by lines.order_id, products.category) as bigint) as category_lines,
    cast(coalesce(histories.earlier_lines, 0) as bigint) as earlier_lines,
    cast(coalesce(histories.earlier_returns, 0) as bigint) as earlier_returns
from lines
left join histories on lines.order_id = histories.order_id and lines.line_no = histories.line_no
left join {{ ref('stg_sales__products') }} as products on lines.product_id = products.product_id
window of_order as (partition by lines.order_id)
