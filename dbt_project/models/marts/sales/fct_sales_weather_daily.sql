-- One row per local day x region x category (`all` totals included): sales beside the weather.
--
-- A day without sales is 0, a day without weather is NULL. Lines without a region or category are kept as `unknown`,
-- so that regions and categories add up to the totals.

with lines as (

    select
        order_date,
        coalesce(region, 'unknown') as region,
        coalesce(category, 'unknown') as category,
        order_id,
        units,
        revenue_eur
    from {{ ref('int_sales__order_lines') }}

),

sales as (

    select
        order_date,
        case when grouping(region) = 1 then 'all' else region end as region,
        case when grouping(category) = 1 then 'all' else category end as category,
        count(distinct order_id) as orders,
        sum(units) as units,
        sum(revenue_eur) as revenue_eur
    from lines
    group by order_date, cube(region, category)

),

regions as (

    select distinct region from sales

),

categories as (

    select distinct category from sales

),

pairs as (

    select
        regions.region,
        categories.category
    from regions
    cross join categories

),

limits as (

    select min(order_date) as first_date from lines

),

days as (

    select {{ each_day('first_date', as_of_date()) }} as sale_date
    from limits

),

-- A region may reach over a border; its holidays are those of the country it covers most of.
countries as (

    select
        region,
        country
    from {{ ref('postal_regions') }}
    group by region, country
    qualify row_number() over (partition by region order by count(*) desc, country) = 1

)

select
    days.sale_date,
    pairs.region,
    pairs.category,
    coalesce(sales.orders, 0) as orders,
    cast(coalesce(sales.units, 0) as double) as units,
    cast(coalesce(sales.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
    round(weather.temperature_max_celsius, 6) as temperature_max_celsius,
    round(weather.temperature_mean_celsius, 6) as temperature_mean_celsius,
    round(weather.precipitation_mm, 6) as precipitation_mm,
    round(weather.sunshine_minutes, 6) as sunshine_minutes,
    round(weather.wind_speed_ms, 6) as wind_speed_ms,
    round(weather.humidity_share, 6) as humidity_share,
    round(weather.temperature_normal_celsius, 6) as temperature_normal_celsius,
    round(weather.temperature_mean_celsius - weather.temperature_normal_celsius, 6) as temperature_deviation_celsius,
    round(coalesce(weather.coverage_share, 0.0), 6) as weather_coverage_share,
    holidays.holiday_date is not null as is_holiday,
    holidays.name_de as holiday_name,
    {{ iso_weekday('days.sale_date') }} >= 6 as is_weekend
from days
cross join pairs
left join sales
    on days.sale_date = sales.order_date and pairs.region = sales.region and pairs.category = sales.category
left join {{ ref('int_weather__regions_daily') }} as weather
    on days.sale_date = weather.weather_date and pairs.region = weather.region
left join countries on pairs.region = countries.region
left join {{ ref('public_holidays') }} as holidays
    on
        days.sale_date = holidays.holiday_date
        and coalesce(countries.country, '{{ var("default_country") }}') = holidays.country
