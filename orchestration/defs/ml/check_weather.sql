-- Effects that say something their data cannot.
with observed as (
    unpivot (
        select
            category,
            region,
            temperature_max_celsius,
            temperature_deviation_celsius,
            precipitation_mm,
            sunshine_minutes,
            wind_speed_ms
        from marts.fct_sales_weather_daily
    )
    on temperature_max_celsius, temperature_deviation_celsius, precipitation_mm, sunshine_minutes, wind_speed_ms
    into name variable value x
),

limits as (
    select
        category,
        region,
        variable,
        count(x) as days,
        min(x) as lowest,
        max(x) as highest
    from observed
    group by category, region, variable
)

select
    effects.category,
    effects.region,
    effects.variable,
    effects.threshold,
    effects.days,
    effects.verdict
from ml.weather_effects as effects
left join limits using (category, region, variable)
where
    effects.days > coalesce(limits.days, 0)
    or not coalesce(effects.threshold between limits.lowest and limits.highest, effects.threshold is null)
    or (effects.verdict = 'supported' and (effects.days < 90 or not coalesce(effects.q_value <= 0.05, false)))
    or effects.verdict not in ('supported', 'season only', 'too little data')
