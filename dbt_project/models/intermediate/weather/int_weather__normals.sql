-- One row per place x day of the year (1-365): the temperature that is usual then.
--
-- The mean of all observed days at most 15 days away in the calendar, over every year there is; NULL under 10 days.
-- With a single year this is a 31-day moving mean: it holds the season, but not what is normal over decades.

with daily as (

    select
        location_id,
        {{ day_of_year('observed_date') }} as year_day,
        temperature_mean_celsius,
        temperature_max_celsius
    from {{ ref('int_weather__daily') }}
    where temperature_mean_celsius is not null

),

places as (

    select distinct location_id from daily

),

calendar as (

    select {{ each_day("cast('2001-01-01' as date)", "cast('2001-12-31' as date)") }} as calendar_day

),

year_days as (

    select
        places.location_id,
        {{ day_of_year('calendar.calendar_day') }} as year_day
    from places
    cross join calendar

)

select
    year_days.location_id,
    cast(year_days.year_day as bigint) as year_day,
    case when count(*) >= 10 then avg(cast(daily.temperature_mean_celsius as decimal(18, 6))) end
        as temperature_mean_normal_celsius,
    case when count(*) >= 10 then avg(cast(daily.temperature_max_celsius as decimal(18, 6))) end
        as temperature_max_normal_celsius,
    count(*) as observed_days
from year_days
inner join daily
    on
        year_days.location_id = daily.location_id
        and (abs(year_days.year_day - daily.year_day) <= 15 or abs(year_days.year_day - daily.year_day) >= 350)
group by year_days.location_id, year_days.year_day
