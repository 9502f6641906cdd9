-- One row per visitor x local day on which it behaved like a machine, with the first reason that applies.
--
-- Every piece of evidence lies within one day, so a new day adds evidence and never looks at the old ones again.

{% set affected %}
select visitor_id, event_date from {{ changes('stg_web__events') }}
{% endset %}
{{ config(
    materialized='keyed', key=['visitor_id', 'event_date'], affected=affected, logged=['visitor_id'],
    bounds={'first_day': 'select min(event_date) from affected__int_web__bot_days'}
) }}

with events as (

    select
        visitor_id,
        event_date,
        event_id,
        is_bot,
        is_pageview,
        {{ epoch_micros('occurred_at') }} as at_micros
    from {{ ref('stg_web__events') }}
    where
        {{ affected_rows('stg_web__events', ['visitor_id', 'event_date']) }}
        and {{ not_before('event_date', 'first_day') }}

),

declared as (

    select distinct
        visitor_id,
        event_date
    from events
    where is_bot

),

pageviews as (

    select
        visitor_id,
        event_date,
        event_id,
        at_micros
    from events
    where is_pageview

),

-- More than n pages in 60 seconds, or n / 2 in 30, mean more than n / 4 in one of the two calendar minutes they touch,
-- which is cheap to find; only those days are then measured with a sliding window.
busy as (

    select distinct
        visitor_id,
        event_date
    from (
        select
            visitor_id,
            event_date,
            floor(at_micros / 60000000) as calendar_minute
        from pageviews
        group by visitor_id, event_date, floor(at_micros / 60000000)
        having count(*) > {{ var('bot_pages_per_minute') }} / 4
    ) as busy_minutes

),

busy_pageviews as (

    select
        pageviews.visitor_id,
        pageviews.event_date,
        pageviews.at_micros
    from pageviews
    inner join busy
        on
            pageviews.visitor_id = busy.visitor_id
            and pageviews.event_date is not distinct from busy.event_date

),

windows as (

    select
        visitor_id,
        event_date,
        count(*) over (
            partition by visitor_id, event_date
            order by at_micros
            range between 59999999 preceding and current row
        ) as pages_in_a_minute
    from busy_pageviews

),

-- A machine that leaves before a minute is over. Pages of one instant count once: a clock may only know minutes.
instants as (

    select distinct
        visitor_id,
        event_date,
        at_micros
    from busy_pageviews

),

short_windows as (

    select
        visitor_id,
        event_date,
        count(*) over (
            partition by visitor_id, event_date
            order by at_micros
            range between 29999999 preceding and current row
        ) as pages_in_half_a_minute
    from instants

),

too_fast as (

    select
        visitor_id,
        event_date
    from windows
    where pages_in_a_minute > {{ var('bot_pages_per_minute') }}
    union
    select
        visitor_id,
        event_date
    from short_windows
    where pages_in_half_a_minute > {{ var('bot_pages_per_minute') }} / 2

),

gaps as (

    select
        visitor_id,
        event_date,
        at_micros,
        floor(at_micros / 1000000)
        - lag(floor(at_micros / 1000000)) over (partition by visitor_id, event_date order by at_micros, event_id)
            as gap_seconds
    from pageviews

),

runs as (

    select
        visitor_id,
        event_date,
        at_micros,
        gap_seconds,
        sum(case when gap_seconds <= {{ var('session_timeout_seconds') }} then 0 else 1 end) over (
            partition by visitor_id, event_date
            order by at_micros
            rows between unbounded preceding and current row
        ) as run_number
    from gaps

),

-- Pages that follow each other at exactly the same pace. Clocks that only know minutes, or whole batches with one
-- time stamp, look like that too and are no evidence.
metronomes as (

    select distinct
        visitor_id,
        event_date
    from (
        select
            visitor_id,
            event_date
        from runs
        group by visitor_id, event_date, run_number
        having
            count(*) >= 5
            and count(distinct case when gap_seconds <= {{ var('session_timeout_seconds') }} then gap_seconds end) = 1
            and min(gap_seconds) > 0
            and sum(floor(at_micros / 1000000) % 60) > 0
    ) as steady_runs

),

reasons as (

    select
        visitor_id,
        event_date,
        1 as priority,
        'declared' as reason
    from declared
    union all
    select
        visitor_id,
        event_date,
        2 as priority,
        'too fast' as reason
    from too_fast
    union all
    select
        visitor_id,
        event_date,
        3 as priority,
        'zero variance dwell' as reason
    from metronomes

)

select
    visitor_id,
    event_date,
    min(priority) as priority,
    min_by(reason, priority) as reason
from reasons
group by visitor_id, event_date
