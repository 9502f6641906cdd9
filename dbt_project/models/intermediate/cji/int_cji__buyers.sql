-- One row per person whose first order was placed in a visit: did a second one follow, and from when on is that known?
--
-- The segment is that of the visit of the first order; the second order counts wherever it was placed.

{% set repeat_days = var('cji_repeat_days') %}
{{ config(materialized='keyed', key=['order_id'], logged=['order_id', 'known_on', 'person_bucket']) }}

with orders as (

    select
        order_id,
        person_id,
        converted_at,
        conversion_date,
        is_first_order,
        coalesce(margin_eur, revenue_eur * {{ var('cji_margin_share') }}) as margin_eur
    from {{ ref('int_sales__conversions') }}

),

firsts as (

    select
        orders.person_id,
        orders.order_id,
        orders.converted_at,
        {{ add_days('orders.conversion_date', repeat_days) }} as known_on,
        visits.person_bucket,
        coalesce(visits.device_type, 'other') as device_type,
        coalesce(visits.channel, 'other') as channel,
        visits.visitor_type
    from orders
    inner join {{ ref('int_web__session_orders') }} as placed on orders.order_id = placed.order_id
    inner join {{ ref('int_web__sessions') }} as visits on placed.session_id = visits.session_id
    where orders.is_first_order

),

repeats as (

    select
        firsts.order_id,
        min(orders.converted_at) as repeated_at,
        sum(orders.margin_eur) as repeat_margin_eur
    from firsts
    inner join orders
        on
            firsts.person_id = orders.person_id
            and firsts.converted_at < orders.converted_at
            and {{ epoch_micros('orders.converted_at') }} - {{ epoch_micros('firsts.converted_at') }}
            <= {{ repeat_days }} * 86400000000
    group by firsts.order_id

)

select
    firsts.person_id,
    firsts.order_id,
    firsts.known_on,
    firsts.person_bucket,
    firsts.device_type,
    firsts.channel,
    firsts.visitor_type,
    repeats.order_id is not null as is_repeated,
    coalesce(repeats.repeat_margin_eur, 0) as repeat_margin_eur
from firsts
left join repeats on firsts.order_id = repeats.order_id
