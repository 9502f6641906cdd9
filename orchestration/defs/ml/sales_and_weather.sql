-- One row per day x category x region: each category over all regions, and each region over all categories.
select
    sale_date,
    category,
    region,
    units,
    temperature_max_celsius,
    temperature_deviation_celsius,
    precipitation_mm,
    sunshine_minutes,
    wind_speed_ms,
    is_holiday
from marts.fct_sales_weather_daily
where (region = 'all' or category = 'all') and category is not null and region is not null
order by category, region, sale_date
