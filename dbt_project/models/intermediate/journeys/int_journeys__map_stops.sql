-- One row per stop of a journey on the map: its contacts, and what was first reached inside its visits.
--
-- What happened in a visit after the order it led to is no part of the way there.

{% set affected %}
select journey_id from {{ changes('int_journeys__journeys') }}
union all
select journey_id from {{ changes('int_journeys__steps') }}
union all
select steps.journey_id
from {{ stored('int_journeys__steps') }} as steps
inner join {{ changes('int_journeys__visit_stops') }} as stops on steps.session_id = stops.session_id
{% endset %}
{{ config(materialized='keyed', key=['journey_id', 'stop_number'], affected=affected, scope=['journey_id']) }}

with journeys as (

    select
        journey_id,
        conversion_id,
        ended_at
    from {{ ref('int_journeys__journeys') }}
    where {{ affected_only('journey_id') }}

),

steps as (

    select *
    from {{ ref('int_journeys__steps') }}
    where {{ affected_only('journey_id') }}

),

stops as (

    select
        journey_id,
        channel as node,
        'touchpoint' as node_kind,
        occurred_at,
        step_number,
        0 as event_number
    from steps

    union all

    select
        steps.journey_id,
        reached.node,
        'micro_conversion' as node_kind,
        reached.occurred_at,
        steps.step_number,
        reached.event_number
    from steps
    inner join {{ ref('int_journeys__visit_stops') }} as reached on steps.session_id = reached.session_id
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
