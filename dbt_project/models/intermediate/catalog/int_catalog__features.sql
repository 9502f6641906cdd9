-- One row per mailing x customer of its audience: what was known of him on the day before the list was drawn.
--
-- `placebo_demand_eur` is what he bought between that day and the drop: too late to have put him on the list, too early
-- to come from the mailing, so that arms that differ in it differ by more than the mailing.

{% set list_days = var('catalog_list_days', 14) %}
{% set known = 'days_after_drop < -' ~ list_days %}
{% set in_year = 'days_after_drop between -' ~ (list_days + 365) ~ ' and -' ~ (list_days + 1) %}
{% set in_quarter = 'days_after_drop between -' ~ (list_days + 90) ~ ' and -' ~ (list_days + 1) %}

with audience as (

    select * from {{ ref('int_catalog__audience') }}

),

orders as (

    select
        mailing_id,
        customer_key,
        count(*) filter (where {{ in_year }}) as orders_365,
        sum(revenue_eur) filter (where {{ in_year }}) as demand_365,
        count(*) filter (where {{ in_quarter }}) as orders_90,
        sum(revenue_eur) filter (where {{ in_quarter }}) as demand_90,
        -{{ list_days }} - max(days_after_drop) filter (where {{ known }}) as days_since_last_order,
        sum(revenue_eur) filter (where days_after_drop between -{{ list_days }} and -1) as placebo_demand
    from {{ ref('int_catalog__orders') }}
    group by mailing_id, customer_key

),

visits as (

    select
        audience.mailing_id,
        audience.customer_key,
        count(*) as visits_90
    from audience
    inner join {{ ref('int_web__sessions') }} as sessions
        on
            audience.person_id = sessions.person_id
            and audience.list_date > sessions.session_date
            and sessions.session_date >= {{ add_days('audience.list_date', -90) }}
    group by audience.mailing_id, audience.customer_key

),

mailed as (

    select
        audience.mailing_id,
        audience.customer_key,
        count(distinct earlier.mailing_id) as mailings_365
    from audience
    inner join {{ ref('int_catalog__recipients') }} as earlier
        on
            audience.person_id = earlier.person_id
            and not earlier.is_holdout
            and audience.list_date > earlier.dropped_date
            and earlier.dropped_date >= {{ add_days('audience.list_date', -365) }}
    group by audience.mailing_id, audience.customer_key

),

-- The segment of that day, not today's: buying from the mailing moves a customer to another one.
segments as (

    select
        audience.mailing_id,
        audience.customer_key,
        coalesce(
            max_by(versions.segment, versions.delivery_date) filter (
                where versions.delivery_date < audience.list_date
            ),
            min_by(versions.segment, versions.delivery_date)
        ) as segment
    from audience
    inner join {{ ref('stg_sales__customer_segments') }} as versions on audience.customer_key = versions.customer_key
    group by audience.mailing_id, audience.customer_key

)

select
    audience.mailing_id,
    audience.customer_key,
    audience.person_id,
    audience.arm,
    audience.dropped_date,
    audience.list_date,
    audience.cost_eur,
    cast(coalesce(orders.orders_365, 0) as bigint) as orders_365,
    cast(coalesce(orders.demand_365, 0) as double) as demand_365_eur,
    cast(coalesce(orders.orders_90, 0) as bigint) as orders_90,
    cast(coalesce(orders.demand_90, 0) as double) as demand_90_eur,
    cast(orders.days_since_last_order as bigint) as days_since_last_order,
    cast(greatest(coalesce({{ days_between('customers.first_order_date', 'audience.list_date') }}, 0), 0) as bigint)
        as days_since_first_order,
    cast(coalesce(visits.visits_90, 0) as bigint) as visits_90,
    cast(coalesce(mailed.mailings_365, 0) as bigint) as mailings_365,
    cast(coalesce(orders.placebo_demand, 0) as double) as placebo_demand_eur,
    {{ recency_class('orders.days_since_last_order') }} as recency_class,
    coalesce(segments.segment, 'unknown') as segment
from audience
left join orders
    on audience.mailing_id = orders.mailing_id and audience.customer_key = orders.customer_key
left join visits
    on audience.mailing_id = visits.mailing_id and audience.customer_key = visits.customer_key
left join mailed
    on audience.mailing_id = mailed.mailing_id and audience.customer_key = mailed.customer_key
left join segments
    on audience.mailing_id = segments.mailing_id and audience.customer_key = segments.customer_key
left join {{ ref('stg_sales__customers') }} as customers on audience.customer_key = customers.customer_key
