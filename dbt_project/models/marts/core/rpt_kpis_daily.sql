-- One row per local calendar day: the company's headline numbers, 0 where nothing happened.

with visits as (

    select
        session_date,
        count(*) as sessions,
        count(distinct visitor_id) as visitors,
        count(*) filter (where is_converted) as web_conversions
    from {{ ref('fct_sessions') }}
    group by session_date

),

orders as (

    select
        conversion_date,
        count(*) as orders,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur,
        sum(returned_eur) as returned_eur,
        count(distinct person_id) filter (where is_first_order) as new_customers
    from {{ ref('fct_conversions') }}
    group by conversion_date

),

costs as (

    select
        activity_date,
        sum(cost_eur) as cost_eur
    from {{ ref('fct_channel_daily') }}
    group by activity_date

),

indexes as (

    select
        snapshot_date,
        cji
    from {{ ref('fct_cji') }}
    where segment = 'all' and phase_model = 'journey6'

)

select
    dates.date_day as kpi_date,
    coalesce(visits.sessions, 0) as sessions,
    coalesce(visits.visitors, 0) as visitors,
    coalesce(visits.web_conversions, 0) as web_conversions,
    coalesce(orders.orders, 0) as orders,
    cast(coalesce(orders.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
    -- Without any known cost of goods the margin is unknown, not zero.
    cast(case when orders.orders is null then 0 else orders.margin_eur end as decimal(18, 2)) as margin_eur,
    cast(coalesce(orders.returned_eur, 0) as decimal(18, 2)) as returned_eur,
    coalesce(orders.new_customers, 0) as new_customers,
    cast(coalesce(costs.cost_eur, 0) as decimal(18, 2)) as cost_eur,
    indexes.cji
from {{ ref('dim_dates') }} as dates
left join visits on dates.date_day = visits.session_date
left join orders on dates.date_day = orders.conversion_date
left join costs on dates.date_day = costs.activity_date
left join indexes on dates.date_day = indexes.snapshot_date
