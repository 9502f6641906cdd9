-- One row per region x local day: the weather of its place beside the normal; `all` weighs places by their orders.
--
-- Weights are those of the whole history, so that a day's weather never depends on what was sold on it. While no
-- order lies in a region with weather, all places weigh the same.
-- noqa: disable=LT02

{% set measures = [
    'temperature_max_celsius', 'temperature_mean_celsius', 'precipitation_mm', 'sunshine_minutes', 'wind_speed_ms',
    'humidity_share', 'temperature_normal_celsius'
] %}

with regions as (

    select
        region,
        min(location_id) as location_id
    from {{ ref('postal_regions') }}
    group by region

),

daily as (

    select
        days.location_id,
        days.observed_date as weather_date,
        days.temperature_max_celsius,
        days.temperature_mean_celsius,
        days.precipitation_mm,
        days.sunshine_minutes,
        days.wind_speed_ms,
        days.humidity_share,
        normals.temperature_mean_normal_celsius as temperature_normal_celsius,
        days.coverage_share
    from {{ ref('int_weather__daily') }} as days
    left join {{ ref('int_weather__normals') }} as normals
        on days.location_id = normals.location_id and {{ day_of_year('days.observed_date') }} = normals.year_day

),

orders as (

    select
        regions.location_id,
        count(distinct lines.order_id) as orders
    from {{ ref('int_sales__order_lines') }} as lines
    inner join regions on lines.region = regions.region
    group by regions.location_id

),

places as (

    select
        places.location_id,
        coalesce(orders.orders, 0) as orders,
        sum(coalesce(orders.orders, 0)) over () as all_orders
    from (select distinct location_id from daily) as places
    left join orders on places.location_id = orders.location_id

),

weights as (

    select
        location_id,
        cast(
            case when all_orders > 0 then orders * 1.0 / all_orders else 1.0 / count(*) over () end as decimal(18, 12)
        ) as weight
    from places

)

select
    regions.region,
    daily.weather_date,
    {%- for measure in measures %}
    daily.{{ measure }},
    {%- endfor %}
    daily.coverage_share
from regions
inner join daily on regions.location_id = daily.location_id

union all

-- A place without weather that day leaves the mean instead of pulling it, and lowers the coverage.
select
    'all' as region,
    daily.weather_date,
    {%- for measure in measures %}
    cast(sum(cast(daily.{{ measure }} * weights.weight as decimal(28, 12))) as double)
    / nullif(sum(case when daily.{{ measure }} is not null then weights.weight end), 0) as {{ measure }},
    {%- endfor %}
    cast(sum(cast(daily.coverage_share * weights.weight as decimal(28, 12))) as double) as coverage_share
from daily
inner join weights on daily.location_id = weights.location_id
group by daily.weather_date
