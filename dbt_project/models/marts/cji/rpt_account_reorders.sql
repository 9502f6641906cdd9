-- One row per business account that has ordered: its rhythm, when the next order is due, and whether it is overdue.

with latest as (

    select *
    from {{ ref('int_cji__account_orders') }}
    where next_order_date is null

),

counted as (

    select
        account_id,
        count(*) as orders,
        sum(margin_eur) as margin_eur
    from {{ ref('int_cji__account_orders') }}
    group by account_id

)

select
    latest.account_id,
    counted.orders,
    latest.order_date as last_order_date,
    latest.interval_days,
    latest.is_own_rhythm,
    latest.due_on,
    {{ days_between('latest.order_date', as_of_date()) }} as days_since_order,
    latest.due_on < {{ as_of_date() }} as is_overdue,
    cast(counted.margin_eur / counted.orders as double) as margin_per_order_eur
from latest
inner join counted on latest.account_id = counted.account_id
