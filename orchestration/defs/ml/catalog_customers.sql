-- One row per customer of the audience of these mailings: arm, cost, what was known of him, what he bought afterwards.
with orders as (
    select
        mailing_id,
        customer_key,
        sum(revenue_eur) as demand_eur,
        sum(margin_eur) as margin_eur,
        count(*) > count(margin_eur) as lacks_margin
    from intermediate.int_catalog__orders
    where days_after_drop between 1 and (select max(window_days) from marts.fct_catalog_recipients)
    group by mailing_id, customer_key
)

select
    features.mailing_id,
    features.customer_key,
    features.person_id,
    features.arm,
    cast(features.cost_eur as double) as cost_eur,
    cast(coalesce(orders.demand_eur, 0) as double) as demand_eur,
    case when not coalesce(orders.lacks_margin, false) then cast(coalesce(orders.margin_eur, 0) as double) end
        as margin_eur,
    features.orders_365,
    features.demand_365_eur,
    features.orders_90,
    features.demand_90_eur,
    -- No known order: as long ago as anybody's could be.
    coalesce(features.days_since_last_order, 9999) as days_since_last_order,
    features.days_since_first_order,
    features.visits_90,
    features.mailings_365,
    features.placebo_demand_eur,
    features.recency_class,
    features.segment,
    planned.planned_share
from intermediate.int_catalog__features as features
left join orders using (mailing_id, customer_key)
left join seeds.mailing_arms as planned on features.mailing_id = planned.mailing_id and features.arm = planned.arm
where list_contains($mailings, features.mailing_id)
order by features.mailing_id, features.customer_key
