-- One row per mailing x customer: the arm, its cost and the demand of all channels after the drop.
--
-- The day of the drop itself belongs to neither side: what was bought that day was not read in the catalog.

{% set window_days = var('catalog_window_days', 60) %}

with orders as (

    select
        mailing_id,
        customer_key,
        count(*) filter (where days_after_drop between 1 and {{ window_days }}) as orders,
        sum(revenue_eur) filter (where days_after_drop between 1 and {{ window_days }}) as demand_eur,
        sum(margin_eur) filter (where days_after_drop between 1 and {{ window_days }}) as margin_eur,
        count(margin_eur) filter (where days_after_drop between 1 and {{ window_days }}) as orders_with_margin,
        count(*) filter (where days_after_drop between -365 and -1) as pre_orders,
        sum(revenue_eur) filter (where days_after_drop between -365 and -1) as pre_demand_eur,
        -max(days_after_drop) filter (where days_after_drop < 0) as days_since_last_order
    from {{ ref('int_catalog__orders') }}
    group by mailing_id, customer_key

)

select
    recipients.mailing_id,
    recipients.customer_key,
    recipients.wave,
    recipients.arm,
    recipients.is_holdout,
    recipients.dropped_date,
    cast(recipients.cost_eur as decimal(18, 2)) as cost_eur,
    cast({{ window_days }} as bigint) as window_days,
    coalesce({{ add_days('recipients.dropped_date', window_days) }} <= {{ as_of_date() }}, false) as is_complete,
    coalesce(orders.orders, 0) as orders,
    cast(coalesce(orders.demand_eur, 0) as decimal(18, 2)) as demand_eur,
    -- Unknown costs of one order make the margin unknown, not smaller.
    cast(case
        when coalesce(orders.orders, 0) = coalesce(orders.orders_with_margin, 0) then coalesce(orders.margin_eur, 0)
    end as decimal(18, 2)) as margin_eur,
    cast(case when recipients.is_holdout then 0 else coalesce(orders.demand_eur, 0) end as decimal(18, 2))
        as matchback_demand_eur,
    coalesce(orders.pre_orders, 0) as pre_orders,
    cast(coalesce(orders.pre_demand_eur, 0) as decimal(18, 2)) as pre_demand_eur,
    cast(orders.days_since_last_order as bigint) as days_since_last_order,
    {{ recency_class('orders.days_since_last_order') }} as recency_class,
    features.segment
from {{ ref('int_catalog__recipients') }} as recipients
left join orders
    on recipients.mailing_id = orders.mailing_id and recipients.customer_key = orders.customer_key
left join {{ ref('int_catalog__features') }} as features
    on recipients.mailing_id = features.mailing_id and recipients.customer_key = features.customer_key
