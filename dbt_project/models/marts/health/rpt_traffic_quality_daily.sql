-- One row per local day: what was left out of the visits, and why.

with events as (

    select
        events.event_date as traffic_date,
        count(*) as events,
        sum(events.delivery_count - 1) as delivered_again,
        count(*) filter (where bots.visitor_id is not null) as bot_events,
        count(*) filter (where bots.reason = 'declared') as declared_bot_events,
        count(*) filter (where bots.reason = 'too fast') as fast_bot_events,
        count(*) filter (where bots.reason = 'zero variance dwell') as steady_bot_events,
        count(*) filter (where not events.consent_analytics) as no_consent_events,
        count(*) filter (where events.days_late between 1 and {{ var('late_days') }}) as late_events,
        count(*) filter (where events.days_late > {{ var('late_days') }}) as too_late_events
    from {{ ref('stg_web__events') }} as events
    left join {{ ref('int_web__bot_visitors') }} as bots on events.visitor_id = bots.visitor_id
    group by events.event_date

),

-- The same event twice in one delivery was dropped at the door; the batch counted it.
loads as (

    select
        window_date as traffic_date,
        sum(rows_duplicate) as rows_duplicate
    from {{ ref('int_loads__latest_batches') }}
    where entity = 'web_events' and window_date is not null
    group by window_date

),

too_late as (

    -- Kept aside at the door; of these only the day of the delivery is known.
    select
        try_cast(load_window as date) as traffic_date,
        count(*) as events
    from {{ ref('stg_loads__quarantine') }}
    where entity = 'web_events' and reason_code = 'too_late' and replayed_at is null
    group by try_cast(load_window as date)

)

select
    events.traffic_date,
    events.events,
    cast(events.delivered_again + coalesce(loads.rows_duplicate, 0) as bigint) as duplicate_events,
    events.bot_events,
    cast(events.bot_events as double) / events.events as bot_event_share,
    events.declared_bot_events,
    events.fast_bot_events,
    events.steady_bot_events,
    events.no_consent_events,
    events.late_events,
    events.too_late_events + coalesce(too_late.events, 0) as too_late_events
from events
left join loads on events.traffic_date = loads.traffic_date
left join too_late on events.traffic_date = too_late.traffic_date
