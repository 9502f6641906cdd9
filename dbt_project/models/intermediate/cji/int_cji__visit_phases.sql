-- One row per phase model x phase x visit that entered it: what the four parameters are made of.
--
-- Pings measure attention and are believed where a visit has them; gaps between events stand in where it has none.
-- A visit of a single page without pings shows no time at all. Whether a visit is followed by another is asked over the
-- visits of its person, so those that a changed visit may follow, and those after it, are derived anew together.

{% set affected %}
with touched as (
    select session_id from {{ changes('int_web__events') }}
    union
    select session_id from {{ changes('int_web__sessions') }}
    union
    select session_id from {{ changes('int_cji__visit_stages') }}
),
persons as (
    select person_id, min(session_date) as since
    from (
        select person_id, session_date from {{ changes('int_web__sessions') }}
        union all
        select visits.person_id, visits.session_date
        from {{ stored('int_web__sessions') }} as visits
        inner join touched on visits.session_id = touched.session_id
    ) as changed
    group by person_id
)
select session_id from touched
union
select visits.session_id
from {{ stored('int_web__sessions') }} as visits
inner join persons
    on
        visits.person_id = persons.person_id
        and {{ local_date('visits.ended_at') }} >= persons.since
        - (select cast(max(comeback_days) as integer) from {{ stored('cji_phases') }})
{% endset %}
{% set first_day %}
select {{ add_days('min(visits.session_date)', -1) }}
from {{ stored('int_web__sessions') }} as visits
inner join affected__int_cji__visit_phases as affected on visits.session_id = affected.session_id
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected, cluster_by='session_date',
    logged=['session_id', 'session_date', 'comeback_known_on', 'person_bucket'], bounds={'first_day': first_day}
) }}

with stages as (

    select * from {{ ref('int_cji__visit_stages') }}
    where {{ affected_only('session_id') }}

),

phases as (

    select * from {{ ref('cji_phases') }}
    where unit = 'visit'

),

events as (

    select
        session_id,
        event_number,
        event_name
    from {{ ref('int_web__events') }}
    where
        {{ affected_only('session_id') }}
        and {{ not_before('event_date', 'first_day') }}
        and (
            event_name in ('tab_hidden', 'tab_visible')
            or event_name in (select event_name from {{ ref('cji_micro_conversions') }})
        )

),

micro_conversions as (

    select distinct events.session_id
    from events
    inner join {{ ref('cji_micro_conversions') }} as names on events.event_name = names.event_name

),

tab_events as (

    select
        session_id,
        event_name,
        lead(event_name) over (partition by session_id order by event_number) as next_name
    from events
    where event_name in ('tab_hidden', 'tab_visible')

),

-- Inside a visit the next event is never further away than the 30 minutes of the published variant.
tabs as (

    select
        session_id,
        bool_or(coalesce(next_name = 'tab_visible', false)) as is_tab_comeback
    from tab_events
    where event_name = 'tab_hidden'
    group by session_id

),

totals as (

    select
        phase_model,
        session_id,
        max_by(phase, last_event_number) as last_phase,
        sum(engaged_micros) > 0 as has_pings,
        case when sum(engaged_micros) > 0 then sum(engaged_micros) else sum(measured_micros) end / 1000000.0
            as active_seconds,
        sum(page_views) as page_views
    from stages
    group by phase_model, session_id

),

in_phase as (

    select
        phases.phase_model,
        phases.phase,
        stages.session_id,
        sum(stages.page_views) as page_views,
        sum(stages.engaged_micros) / 1000000.0 as engaged_seconds,
        sum(stages.measured_micros) / 1000000.0 as measured_seconds,
        sum(stages.imputed_micros) / 1000000.0 as imputed_seconds
    from stages
    inner join phases
        on stages.phase_model = phases.phase_model and stages.phase between phases.member_from and phases.member_to
    group by phases.phase_model, phases.phase, stages.session_id

),

reached as (

    select
        phases.phase_model,
        phases.phase,
        stages.session_id
    from stages
    inner join phases
        on
            stages.phase_model = phases.phase_model
            and phases.progress_rule = 'phases'
            and stages.phase between phases.progress_from and phases.progress_to
    group by phases.phase_model, phases.phase, stages.session_id

),

returns as (

    select
        *,
        lead(started_at) over (partition by person_id order by started_at, session_id) as next_visit_at
    from {{ ref('int_web__sessions') }}
    where {{ affected_only('session_id') }}

)

select
    phases.phase_model,
    phases.phase,
    visits.session_id,
    visits.session_date,
    visits.person_bucket,
    coalesce(visits.device_type, 'other') as device_type,
    coalesce(visits.channel, 'other') as channel,
    visits.visitor_type,
    phases.entry_rule <> 'mature_buyers' as is_entered,
    case phases.progress_rule
        when 'purchase' then visits.is_converted
        else
            reached.session_id is not null
            or coalesce(totals.active_seconds >= phases.engaged_seconds, false)
            or (phases.counts_micro_conversions and micro_conversions.session_id is not null)
    end as is_progressed,
    phases.averages_over = 'progressed' as averages_progressed_only,
    case
        when totals.has_pings then coalesce(in_phase.engaged_seconds, 0.0)
        when totals.page_views > 1 then coalesce(in_phase.measured_seconds + in_phase.imputed_seconds, 0.0)
    end as phase_seconds,
    case
        when totals.has_pings then 0.0
        when totals.page_views > 1 then coalesce(in_phase.imputed_seconds, 0.0)
    end as imputed_seconds,
    nullif(in_phase.page_views, 0) as page_views,
    visits.is_converted,
    not visits.is_converted and totals.last_phase between phases.member_from and phases.member_to
        as is_comeback_candidate,
    {{ add_days(local_date('visits.ended_at'), 'phases.comeback_days') }} as comeback_known_on,
    coalesce(
        {{ epoch_micros('visits.next_visit_at') }} - {{ epoch_micros('visits.ended_at') }}
        <= phases.comeback_days * 86400000000, false
    ) as is_comeback,
    tabs.is_tab_comeback
from phases
cross join returns as visits
inner join totals on phases.phase_model = totals.phase_model and visits.session_id = totals.session_id
left join in_phase
    on
        phases.phase_model = in_phase.phase_model
        and phases.phase = in_phase.phase
        and visits.session_id = in_phase.session_id
left join reached
    on
        phases.phase_model = reached.phase_model
        and phases.phase = reached.phase
        and visits.session_id = reached.session_id
left join micro_conversions on visits.session_id = micro_conversions.session_id
left join tabs on visits.session_id = tabs.session_id
where phases.entry_rule = 'all_visits' or in_phase.session_id is not null
