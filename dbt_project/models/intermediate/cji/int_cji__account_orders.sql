-- One row per order of a business account: its rhythm, the next order, and from when on it is overdue.
--
-- The rhythm is the median of the days between the account's orders; an account of one order has that of all accounts.
-- Overdue is what has not been ordered again within 1.5 times the rhythm.

with orders as (

    select
        journeys.account_id,
        journeys.account_bucket,
        journeys.conversion_id,
        journeys.ended_at as ordered_at,
        journeys.end_date as order_date,
        coalesce(journeys.margin_eur, journeys.revenue_eur * {{ var('cji_margin_share') }}) as margin_eur
    from {{ ref('fct_account_journeys') }} as journeys
    where journeys.is_converted

),

followed as (

    select
        *,
        lead(order_date) over account_orders as next_order_date,
        lead(margin_eur) over account_orders as next_margin_eur,
        row_number() over account_orders as order_number
    from orders
    window account_orders as (partition by account_id order by ordered_at, conversion_id)

),

intervals as (

    select
        account_id,
        greatest({{ days_between('order_date', 'next_order_date') }}, 1) as interval_days
    from followed
    where next_order_date is not null

),

own_rhythms as (

    select
        account_id,
        median(interval_days) as interval_days
    from intervals
    group by account_id

),

overall as (

    select coalesce(median(interval_days), {{ var('cji_repeat_days') }}) as interval_days from intervals

)

select
    followed.account_id,
    followed.account_bucket,
    followed.conversion_id,
    followed.order_number,
    followed.order_date,
    followed.next_order_date,
    cast(coalesce(own_rhythms.interval_days, overall.interval_days) as double) as interval_days,
    own_rhythms.account_id is not null as is_own_rhythm,
    {{ add_days(
        'followed.order_date', 'ceil(1.5 * coalesce(own_rhythms.interval_days, overall.interval_days))'
    ) }} as due_on,
    followed.margin_eur,
    followed.next_margin_eur
from followed
cross join overall
left join own_rhythms on followed.account_id = own_rhythms.account_id
