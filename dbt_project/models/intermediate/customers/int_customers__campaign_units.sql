-- One row per on-site experiment x visitor who may be scored: did a visit reach the campaign's step, and did it answer?
--
-- Everybody assigned counts in the arm, whether the campaign showed or not. The step is judged in the first visit after
-- the assignment that reached it; `is_dropped` is only asked of those.

with units as (

    select
        units.experiment_id,
        units.unit_id,
        units.arm,
        units.campaign_id,
        units.assigned_date,
        units.window_days,
        units.orders,
        units.margin_eur,
        {{ epoch_micros('assigned.assigned_at') }} as assigned_micros,
        coalesce(steps.base_event, 'session_start') as base_event,
        coalesce(steps.response_event, 'purchase') as response_event
    from {{ ref('int_experiments__units') }} as units
    inner join {{ ref('stg_marketing__experiments') }} as assigned
        on units.experiment_id = assigned.experiment_id and units.unit_id = assigned.unit_id
    left join {{ ref('campaign_steps') }} as steps on units.experiment_id = steps.experiment_id
    where units.source = 'experiment' and units.unit_type = 'visitor'

),

visits as (

    select
        units.experiment_id,
        units.unit_id,
        visits.session_id,
        visits.person_id,
        visits.person_bucket,
        visits.device_type,
        visits.channel,
        visits.earlier_visits,
        visits.earlier_orders,
        {{ epoch_micros('visits.started_at') }} as started_micros
    from units
    inner join {{ ref('int_customers__visits') }} as visits
        on
            units.unit_id = visits.visitor_id
            and units.assigned_date <= visits.session_date
            and {{ add_days('units.assigned_date', 'units.window_days') }} >= visits.session_date

),

-- The visit in which the visitor was assigned begins a moment before it.
first_visits as (

    select *
    from visits
    qualify row_number() over (partition by experiment_id, unit_id order by started_micros, session_id) = 1

),

events as (

    select
        visits.experiment_id,
        visits.unit_id,
        visits.session_id,
        visits.started_micros,
        min(case when events.event_name = units.base_event then events.event_number end) as base_number,
        max(case when events.event_name = units.response_event then events.event_number end) as response_number
    from visits
    inner join units on visits.experiment_id = units.experiment_id and visits.unit_id = units.unit_id
    inner join {{ ref('int_web__events') }} as events
        on visits.session_id = events.session_id and events.event_name in (units.base_event, units.response_event)
    where {{ epoch_micros('events.occurred_at') }} >= units.assigned_micros - 60000000
    group by visits.experiment_id, visits.unit_id, visits.session_id, visits.started_micros

),

bases as (

    select *
    from events
    where base_number is not null
    qualify row_number() over (partition by experiment_id, unit_id order by started_micros, session_id) = 1

)

select
    units.experiment_id,
    units.unit_id,
    units.campaign_id,
    units.arm,
    units.assigned_date,
    first_visits.person_id,
    first_visits.person_bucket,
    first_visits.device_type,
    first_visits.channel,
    first_visits.earlier_visits,
    first_visits.earlier_orders,
    bases.session_id is not null as has_base,
    coalesce(bases.response_number > bases.base_number, false) as is_response,
    case when bases.session_id is not null then coalesce(bases.response_number <= bases.base_number, true) end
        as is_dropped,
    units.orders,
    units.margin_eur
from units
inner join first_visits on units.experiment_id = first_visits.experiment_id and units.unit_id = first_visits.unit_id
left join bases on units.experiment_id = bases.experiment_id and units.unit_id = bases.unit_id
