-- One row per visit x stage entered: which stage came next, or the order, or that the visitor left.
--
-- Stages are the phases of journey6 in the order they are entered, each stay counted once; events without a phase
-- change nothing. Only visits of people who may be scored.

with events as (

    select
        events.session_id,
        events.event_number,
        events.occurred_at,
        visits.person_bucket,
        visits.session_date,
        case
            when events.event_name = 'purchase' or coalesce(events.page_type = 'confirmation', false) then 0
            else phases.phase
        end as stage
    from {{ ref('int_web__events') }} as events
    inner join {{ ref('int_customers__visits') }} as visits on events.session_id = visits.session_id
    inner join {{ ref('int_cji__event_phases') }} as phases
        on
            phases.phase_model = 'journey6'
            and events.event_name = phases.event_name
            and coalesce(events.page_type, '') = phases.page_type
    where
        phases.phase is not null
        and visits.session_date > {{ add_days(as_of_date(), '-' ~ var('customer_history_days')) }}

),

-- Everything up to the first order of the visit; the order ends it.
until_order as (

    select
        *,
        max(case when stage = 0 then 1 else 0 end) over (
            partition by session_id order by event_number rows between unbounded preceding and 1 preceding
        ) as is_after_order,
        lag(stage) over (partition by session_id order by event_number) as previous_stage
    from events

),

entered as (

    select *
    from until_order
    where coalesce(is_after_order, 0) = 0 and stage is distinct from previous_stage

),

moves as (

    select
        *,
        lead(stage) over (partition by session_id order by event_number) as next_stage
    from entered

)

select
    session_id,
    event_number,
    person_bucket,
    session_date,
    make_timestamp({{ epoch_micros('occurred_at') }}) as entered_at,
    cast(stage as varchar) as stage,
    case when next_stage is null then 'leave' when next_stage = 0 then 'order' else cast(next_stage as varchar) end
        as next_step
from moves
where stage <> 0
