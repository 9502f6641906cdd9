-- One row per local day x channel: visits and cost of the day, orders and revenue by the last non-direct contact.
--
-- Orders stand on the day they were placed, whenever the contact was.

with facts as (

    select
        session_date as activity_date,
        channel,
        count(*) as sessions,
        null as cost_eur,
        null as impressions,
        null as clicks,
        null as conversions,
        null as revenue_eur,
        null as margin_eur
    from {{ ref('int_web__sessions') }}
    group by session_date, channel

    union all

    select
        cost_date as activity_date,
        channel,
        null as sessions,
        sum(cost_eur) as cost_eur,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        null as conversions,
        null as revenue_eur,
        null as margin_eur
    from {{ ref('int_attribution__costs') }}
    group by cost_date, channel

    union all

    select
        conversion_date as activity_date,
        channel,
        null as sessions,
        null as cost_eur,
        null as impressions,
        null as clicks,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur
    from {{ ref('int_attribution__bucket_credits') }}
    where model = 'last_non_direct'
    group by conversion_date, channel

)

select
    activity_date,
    channel,
    cast(coalesce(sum(sessions), 0) as bigint) as sessions,
    cast(sum(cost_eur) as decimal(18, 2)) as cost_eur,
    cast(sum(impressions) as bigint) as impressions,
    cast(sum(clicks) as bigint) as clicks,
    cast(coalesce(sum(conversions), 0) as double) as conversions,
    cast(coalesce(sum(revenue_eur), 0) as double) as revenue_eur,
    cast(sum(margin_eur) as double) as margin_eur
from facts
group by activity_date, channel
