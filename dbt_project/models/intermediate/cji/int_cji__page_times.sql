-- One row per month x page type x device: where gaps of its visits are cut (P99) and what their last page is given.
--
-- A month is measured by the visits of the month before it, so that what is past stays as it was; until the data hold a
-- whole month, by all visits up to its own end. '*' stands for all devices, and for all page types.

{% set affected %}
with days as (
    select session_date from {{ changes('int_web__sessions') }}
    union
    select visits.session_date
    from {{ stored('int_web__sessions') }} as visits
    inner join {{ changes('int_web__events') }} as events on visits.session_id = events.session_id
),
months as (
    select cast(date_trunc('month', session_date) as date) as month_start from days
    union
    select cast(date_trunc('month', as_of_date) as date) as month_start from {{ changes('int_calendar__as_of') }}
    union
    -- Another first day of the data: a month begins to count as whole, or no longer does.
    select cast(date_trunc('month', first_date) as date) as month_start
    from {{ changes('int_calendar__as_of') }}
    where
        (select min(first_date) from {{ changes('int_calendar__as_of') }})
        <> (select max(first_date) from {{ changes('int_calendar__as_of') }})
)
select cast(month_start + interval 1 month as date) as month_start from months
union all
-- Measured by its own visits.
select months.month_start
from months
cross join {{ stored('int_calendar__as_of') }} as calendar
where
    months.month_start - interval 1 month < calendar.first_date
    or months.month_start = date_trunc('month', calendar.as_of_date)
{% endset %}
{% set first_day %}
select least(
    min(affected.month_start) - interval 1 month,
    min(case when affected.month_start - interval 1 month < calendar.first_date then calendar.first_date end)
)
from affected__int_cji__page_times as affected
cross join {{ stored('int_calendar__as_of') }} as calendar
where affected.month_start <= calendar.as_of_date
{% endset %}
{{ config(
    materialized='keyed', key=['month_start', 'page_type', 'device_type'], affected=affected, scope=['month_start'],
    logged=['month_start'], bounds={'first_day': first_day}
) }}

with calendar as (

    select
        first_date,
        as_of_date
    from {{ ref('int_calendar__as_of') }}

),

days as (

    select
        {{ each_day('first_date', 'as_of_date') }} as calendar_date,
        first_date
    from calendar

),

months as (

    select
        cast(date_trunc('month', calendar_date) as date) as month_start,
        min(first_date) as first_date,
        max(calendar_date) as last_date
    from days
    group by date_trunc('month', calendar_date)

),

measures as (

    select
        month_start,
        case
            when month_start - interval 1 month >= first_date then cast(month_start - interval 1 month as date)
            else first_date
        end as from_day,
        case
            when month_start - interval 1 month >= first_date then {{ add_days('month_start', -1) }}
            else last_date
        end as to_day
    from months
    where {{ affected_only('month_start') }}

),

visits as (

    select
        measures.month_start,
        sessions.session_id
    from {{ ref('int_web__sessions') }} as sessions
    inner join measures
        on sessions.session_date >= measures.from_day and sessions.session_date <= measures.to_day

),

timed as (

    {{ cji_event_times('session_id in (select session_id from visits)') }}

),

gaps as (

    select
        visits.month_start,
        timed.page_type,
        timed.device_type,
        timed.gap_micros
    from timed
    inner join visits on timed.session_id = visits.session_id
    where timed.gap_micros is not null

),

cuts as (

    select
        month_start,
        coalesce(page_type, '*') as page_type,
        cast(percentile_cont(0.99) within group (order by gap_micros) as bigint) as cut_micros
    from gaps
    -- The total over all months that comes along finds no partner in the joins below.
    group by rollup(month_start, page_type)

),

medians as (

    select
        gaps.month_start,
        coalesce(gaps.page_type, '*') as page_type,
        coalesce(gaps.device_type, '*') as device_type,
        median(least(gaps.gap_micros, cuts.cut_micros)) as median_micros
    from gaps
    inner join cuts on gaps.month_start = cuts.month_start and gaps.page_type = cuts.page_type
    group by rollup(gaps.month_start, gaps.page_type, gaps.device_type)

)

select
    medians.month_start,
    medians.page_type,
    medians.device_type,
    cuts.cut_micros,
    cast(greatest(medians.median_micros, 1000000) as bigint) as median_micros
from medians
inner join cuts on medians.month_start = cuts.month_start and medians.page_type = cuts.page_type
