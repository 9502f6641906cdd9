-- One row per order placed in a visit: by the order id of its purchase event, else by visitor and time.

{% set affected %}
select order_id from {{ changes('int_web__events') }}
union all
select order_id from {{ changes('stg_sales__orders') }}
union all
select orders.order_id
from {{ stored('stg_sales__orders') }} as orders
inner join {{ changes('int_web__visits') }} as visits on orders.visitor_id = visits.visitor_id
{% endset %}
{{ config(
    materialized='keyed', key=['order_id'], affected=affected, logged=['order_id', 'session_id']
) }}

with orders as (

    select *
    from {{ ref('stg_sales__orders') }}
    where {{ affected_only('order_id') }}

),

purchases as (

    select
        session_id,
        order_id,
        occurred_at,
        value_eur
    from {{ ref('int_web__events') }}
    where event_name = 'purchase' and order_id is not null and {{ affected_only('order_id') }}
    -- A thank-you page opened again later is no second order.
    qualify row_number() over (partition by order_id order by occurred_at, event_id) = 1

),

-- An order whose purchase event never arrived, or came without its id. Visits of one visitor are further apart than
-- the timeout, so at most one fits; where another campaign begins a visit, the later one.
unannounced as (

    select
        visits.session_id,
        orders.order_id,
        orders.ordered_at as occurred_at,
        orders.net_amount_eur as value_eur
    from orders
    inner join {{ ref('int_web__visits') }} as visits
        on
            orders.visitor_id = visits.visitor_id
            and orders.ordered_at >= visits.started_at
            and {{ epoch_micros('orders.ordered_at') }}
            <= {{ epoch_micros('visits.ended_at') }} + {{ var('session_timeout_seconds') }} * 1000000
    left join purchases on orders.order_id = purchases.order_id
    where purchases.order_id is null
    qualify row_number() over (partition by orders.order_id order by visits.started_at desc) = 1

),

linked as (

    select
        session_id,
        order_id,
        occurred_at,
        value_eur
    from purchases
    union all
    select
        session_id,
        order_id,
        occurred_at,
        value_eur
    from unannounced

)

select
    linked.session_id,
    linked.order_id,
    linked.occurred_at as ordered_at,
    coalesce(orders.net_amount_eur, linked.value_eur) as revenue_eur,
    coalesce(orders.is_test, false) as is_test
from linked
left join orders on linked.order_id = orders.order_id
