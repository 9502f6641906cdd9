-- One row per stop of a journey on the map: its contacts, and what was first reached inside its visits.
--
-- Which events are stops is said in seeds/journey_map_events.csv. What happened in a visit after the order it led to
-- is no part of the way there.

with journeys as (

    select
        journey_id,
        conversion_id,
        ended_at
    from {{ ref('int_journeys__journeys') }}

),

reached as (

    select
        events.session_id,
        stops.node,
        min(events.occurred_at) as occurred_at,
        min(events.event_number) as event_number
    from {{ ref('int_web__events') }} as events
    inner join {{ ref('journey_map_events') }} as stops on events.event_name = stops.event_name
    group by events.session_id, stops.node

),

stops as (

    select
        journey_id,
        channel as node,
        'touchpoint' as node_kind,
        occurred_at,
        step_number,
        0 as event_number
    from {{ ref('int_journeys__steps') }}

    union all

    select
        steps.journey_id,
        reached.node,
        'micro_conversion' as node_kind,
        reached.occurred_at,
        steps.step_number,
        reached.event_number
    from {{ ref('int_journeys__steps') }} as steps
    inner join reached on steps.session_id = reached.session_id
    inner join journeys on steps.journey_id = journeys.journey_id
    where journeys.conversion_id is null or reached.occurred_at <= journeys.ended_at

)

select
    journey_id,
    row_number() over (partition by journey_id order by occurred_at, step_number, event_number, node) as stop_number,
    node,
    node_kind,
    occurred_at
from stops
