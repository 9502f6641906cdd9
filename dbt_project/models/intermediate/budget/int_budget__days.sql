-- One row per local day from the first with both sales and spend: what advertising is judged by, and what else
-- moves it.
--
-- Orders of business accounts are left out unless the variable budget_b2b says otherwise: few, large and agreed with a
-- salesperson, they hide what advertising does. A day without weather is NULL.

with orders as (

    select
        conversion_date,
        count(*) as orders,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur,
        sum(revenue_eur) filter (where margin_eur is not null) as revenue_with_margin_eur
    from {{ ref('int_sales__conversions') }}
    {% if not var('budget_b2b', false) %}
        where not coalesce(is_b2b, false)
    {% endif %}
    group by conversion_date

),

spending as (

    select min(cost_date) as first_date
    from {{ ref('int_attribution__costs') }}
    where cost_eur > 0

),

limits as (

    select greatest((select min(conversion_date) from orders), (select first_date from spending)) as first_date

),

days as (

    select {{ each_day('first_date', as_of_date()) }} as sale_date
    from limits
    where first_date is not null

),

promoted as (

    select
        days.sale_date,
        count(*) as promotions
    from days
    inner join {{ ref('promotions') }} as promotions
        on days.sale_date between promotions.first_date and promotions.last_date
    group by days.sale_date

)

select
    days.sale_date,
    coalesce(orders.orders, 0) as orders,
    cast(coalesce(orders.revenue_eur, 0) as double) as revenue_eur,
    cast(coalesce(orders.margin_eur, 0) as double) as margin_eur,
    cast(coalesce(orders.revenue_with_margin_eur, 0) as double) as revenue_with_margin_eur,
    weather.temperature_max_celsius,
    weather.precipitation_mm,
    weather.sunshine_minutes,
    coalesce(promoted.promotions, 0) as promotions
from days
left join orders on days.sale_date = orders.conversion_date
left join {{ ref('int_weather__regions_daily') }} as weather
    on days.sale_date = weather.weather_date and weather.region = 'all'
left join promoted on days.sale_date = promoted.sale_date
