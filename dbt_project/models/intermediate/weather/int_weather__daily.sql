-- One row per place x local day between its first and last observation: the weather, NULL where too little was seen.
--
-- Hourly and daily feeds look alike here: a place's usual step says how many observations a day (of 23, 24 or 25
-- hours) should have. A measure with less than that share of its hours stays NULL; it is never filled in. Sums are
-- of decimals: those come out the same in any order of the rows.
-- noqa: disable=LT02

{% set min_coverage = var('weather_min_coverage', 0.75) %}

with observations as (

    select
        location_id,
        observed_at,
        observed_date,
        {{ epoch_micros('observed_at') }} / 1000000 as observed_second,
        {%- for measure in weather_measures() %}
        cast(avg(cast({{ measure }} as decimal(18, 6))) as decimal(18, 6)) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('stg_weather__observations') }}
    group by location_id, observed_at, observed_date

),

gaps as (

    select
        location_id,
        observed_second - lag(observed_second) over (partition by location_id order by observed_second) as gap_seconds
    from observations

),

steps as (

    select
        location_id,
        least(greatest(median(gap_seconds), 60.0), 86400.0) as step_seconds
    from gaps
    where gap_seconds is not null
    group by location_id

),

places as (

    select
        location_id,
        min(observed_date) as first_date,
        max(observed_date) as last_date
    from observations
    group by location_id

),

days as (

    select
        location_id,
        {{ each_day('first_date', 'last_date') }} as observed_date
    from places

),

expected as (

    select
        days.location_id,
        days.observed_date,
        greatest(round((
            {{ epoch_seconds(local_midnight(add_days('days.observed_date', 1))) }}
            - {{ epoch_seconds(local_midnight('days.observed_date')) }}
        ) / coalesce(steps.step_seconds, 86400.0)), 1.0) as expected_count
    from days
    left join steps on days.location_id = steps.location_id

),

daily as (

    select
        expected.location_id,
        expected.observed_date,
        max(observations.temperature_celsius) as temperature_max_celsius,
        avg(observations.temperature_celsius) as temperature_mean_celsius,
        sum(observations.precipitation_mm) as precipitation_mm,
        sum(observations.sunshine_minutes) as sunshine_minutes,
        avg(observations.wind_speed_ms) as wind_speed_ms,
        avg(observations.humidity_share) as humidity_share,
        {%- for measure in weather_measures() %}
        least(count(observations.{{ measure }}) / expected.expected_count, 1.0) as {{ measure }}_coverage
        {{- ',' if not loop.last }}
        {%- endfor %}
    from expected
    left join observations
        on expected.location_id = observations.location_id and expected.observed_date = observations.observed_date
    group by expected.location_id, expected.observed_date, expected.expected_count

)

select
    location_id,
    observed_date,
    {%- for column, measure in [
        ('temperature_max_celsius', 'temperature_celsius'),
        ('temperature_mean_celsius', 'temperature_celsius'),
        ('precipitation_mm', 'precipitation_mm'),
        ('sunshine_minutes', 'sunshine_minutes'),
        ('wind_speed_ms', 'wind_speed_ms'),
        ('humidity_share', 'humidity_share')
    ] %}
    case when {{ measure }}_coverage >= {{ min_coverage }} then cast({{ column }} as double) end as {{ column }},
    {%- endfor %}
    temperature_celsius_coverage as coverage_share
from daily
