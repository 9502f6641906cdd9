-- One row per local day x series of the whole company: from outside (weather, holidays, posts, advertising) and its own
-- (sales, visits), to be compared pair by pair.
--
-- A series begins with its feed. From then on a day without visits, orders, posts or spend is 0, posts and spend up to
-- the last day of their feed; a day without weather and a ratio without divisor have no row. Nothing is imputed.

{% set weather = [
    'temperature_max_celsius', 'temperature_deviation_celsius', 'precipitation_mm', 'sunshine_minutes'
] %}
{# Below this many posts the mean of a day is that of a few people. #}
{% set min_posts = 10 %}

with days as (

    select
        date_day,
        is_holiday
    from {{ ref('dim_dates') }}

),

kpis as (

    select
        kpi_date,
        sessions,
        web_conversions,
        orders,
        cast(revenue_eur as double) as revenue_eur,
        sum(sessions) over (order by kpi_date) > 0 as has_visits,
        sum(orders) over (order by kpi_date) > 0 as has_orders
    from {{ ref('rpt_kpis_daily') }}

),

sales as (

    select *
    from {{ ref('fct_sales_weather_daily') }}
    where region = 'all' and category = 'all'

),

posts as (

    select
        post_date,
        sum(posts) as posts,
        sum(posts * sentiment) / sum(posts) as sentiment
    from {{ ref('fct_social_daily') }}
    group by post_date

),

post_limits as (

    select
        min(post_date) as first_date,
        max(post_date) as last_date
    from posts

),

costs as (

    select
        activity_date,
        case when grouping(channel) = 1 then 'all' else channel end as channel,
        sum(cost_eur) as cost_eur
    from {{ ref('fct_channel_daily') }}
    where cost_eur is not null
    group by activity_date, cube(channel)

),

spend_feed as (

    select max(activity_date) as last_date
    from costs

),

cost_limits as (

    select
        costs.channel,
        min(case when costs.cost_eur > 0 then costs.activity_date end) as first_date,
        max(spend_feed.last_date) as last_date
    from costs
    cross join spend_feed
    left join {{ ref('dim_channels') }} as channels on costs.channel = channels.channel
    where costs.channel = 'all' or channels.is_paid
    group by costs.channel

),

series as (

    {% for measure in weather %}
        select
            sale_date as series_date,
            'external' as side,
            '{{ measure }}' as series,
            {{ measure }} as value
        from sales
        union all
    {% endfor %}

    select
        date_day as series_date,
        'external' as side,
        'is_holiday' as series,
        case when is_holiday then 1 else 0 end as value
    from days

    union all

    select
        days.date_day as series_date,
        'external' as side,
        'social_posts' as series,
        coalesce(posts.posts, 0) as value
    from days
    inner join post_limits on days.date_day between post_limits.first_date and post_limits.last_date
    left join posts on days.date_day = posts.post_date

    union all

    select
        post_date as series_date,
        'external' as side,
        'social_sentiment' as series,
        sentiment as value
    from posts
    where posts >= {{ min_posts }}

    union all

    select
        days.date_day as series_date,
        'external' as side,
        concat('spend_', limits.channel) as series,
        coalesce(costs.cost_eur, 0) as value
    from days
    inner join cost_limits as limits on days.date_day between limits.first_date and limits.last_date
    left join costs on days.date_day = costs.activity_date and limits.channel = costs.channel

    {% for name, value, condition in [
        ('revenue_eur', 'revenue_eur', 'has_orders'),
        ('orders', 'orders', 'has_orders'),
        ('order_value_eur', 'revenue_eur / nullif(orders, 0)', 'has_orders'),
        ('visits', 'sessions', 'has_visits'),
        ('visit_conversion_share', 'web_conversions / cast(nullif(sessions, 0) as double)', 'has_visits'),
    ] %}
        union all

        select
            kpi_date as series_date,
            'internal' as side,
            '{{ name }}' as series,
            {{ value }} as value
        from kpis
        where {{ condition }}
    {% endfor %}

    union all

    select
        sale_date as series_date,
        'internal' as side,
        'units' as series,
        units as value
    from sales

)

select
    series.series_date,
    series.side,
    series.series,
    round(cast(series.value as double), 6) as value
from series
inner join days on series.series_date = days.date_day
where series.value is not null
