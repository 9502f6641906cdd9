-- One row per day: what was sold and the weather of `lag_days` earlier.
select
    s.sale_date,
    s.units,
    s.revenue_eur::double as revenue_eur,
    case $variable
        when 'temperature_max_celsius' then w.temperature_max_celsius
        when 'temperature_mean_celsius' then w.temperature_mean_celsius
        when 'temperature_deviation_celsius' then w.temperature_deviation_celsius
        when 'precipitation_mm' then w.precipitation_mm
        when 'sunshine_minutes' then w.sunshine_minutes
        when 'wind_speed_ms' then w.wind_speed_ms
        when 'humidity_share' then w.humidity_share
    end as x,
    s.is_holiday,
    s.is_weekend
from marts.fct_sales_weather_daily as s
inner join marts.fct_sales_weather_daily as w
    on
        w.region = s.region
        and w.category = s.category
        and w.sale_date = s.sale_date - $lag_days::integer
where s.category = $category and s.region = $region
order by s.sale_date
