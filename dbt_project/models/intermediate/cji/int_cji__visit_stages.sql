-- One row per phase model x visit x phase with an event: seconds, page views and whether the visit ended there.
--
-- Neutral events inherit the phase before them; a visit that begins neutral begins in phase 1.

with timed as (

    select
        events.session_id,
        events.event_number,
        events.event_name,
        events.page_type,
        events.engaged_seconds,
        -- Not `least`: it would give the last page, whose gap is unknown, the cut itself.
        case when events.gap_seconds > times.cut_seconds then times.cut_seconds else events.gap_seconds end
            as measured_seconds,
        case when events.gap_seconds is null then times.median_seconds end as imputed_seconds,
        case when events.is_pageview then 1 else 0 end as page_views
    from {{ ref('int_cji__event_times') }} as events
    inner join {{ ref('int_cji__page_times') }} as times
        on events.page_type = times.page_type and events.device_type = times.device_type

),

phased as (

    select
        timed.*,
        phases.phase_model,
        -- Running maximum of (position, phase): the last phase named so far, on every engine.
        coalesce(max(timed.event_number * 100 + phases.phase) over (
            partition by phases.phase_model, timed.session_id
            order by timed.event_number
            rows between unbounded preceding and current row
        ) % 100, 1) as phase
    from timed
    inner join {{ ref('int_cji__event_phases') }} as phases
        on timed.event_name = phases.event_name and timed.page_type = phases.page_type

)

select
    phase_model,
    session_id,
    phase,
    max(event_number) as last_event_number,
    sum(page_views) as page_views,
    coalesce(sum(engaged_seconds), 0.0) as engaged_seconds,
    coalesce(sum(measured_seconds), 0.0) as measured_seconds,
    coalesce(sum(imputed_seconds), 0.0) as imputed_seconds
from phased
group by phase_model, session_id, phase
