-- One row per move of a journey on the map: start -> stop -> ... -> conversion or null.
--
-- Nodes, edges, funnel and drop-off are all counted from these rows, which is why their numbers agree.

{% set affected %}
select journey_id from {{ changes('int_journeys__journeys') }}
union all
select journey_id from {{ changes('int_journeys__map_stops') }}
{% endset %}
{{ config(
    materialized='keyed', key=['journey_id', 'move_number'], affected=affected,
    cluster_by='end_date', scope=['journey_id'],
    signed=true
) }}

with journeys as (

    select
        journey_id,
        person_id,
        end_date,
        ended_at,
        device_type,
        visitor_type,
        is_converted
    from {{ ref('int_journeys__journeys') }}
    where {{ affected_only('journey_id') }}

),

stops as (

    select
        stops.journey_id,
        stops.stop_number,
        stops.node,
        stops.node_kind,
        {{ epoch_micros('stops.occurred_at') }} as at_micros
    from {{ ref('int_journeys__map_stops') }} as stops
    where {{ affected_only('stops.journey_id') }}

    union all

    select
        journeys.journey_id,
        1 + count(*) as stop_number,
        case when journeys.is_converted then 'conversion' else 'null' end as node,
        case when journeys.is_converted then 'conversion' else 'null' end as node_kind,
        -- Nobody knows when a person gave up.
        case when journeys.is_converted then {{ epoch_micros('journeys.ended_at') }} end as at_micros
    from journeys
    inner join {{ ref('int_journeys__map_stops') }} as stops on journeys.journey_id = stops.journey_id
    group by journeys.journey_id, journeys.is_converted, journeys.ended_at

)

select
    stops.journey_id,
    stops.stop_number as move_number,
    journeys.person_id,
    journeys.end_date,
    journeys.device_type,
    journeys.visitor_type,
    journeys.is_converted,
    coalesce(lag(stops.node) over way, 'start') as from_node,
    stops.node as to_node,
    stops.node_kind as to_kind,
    row_number() over (partition by stops.journey_id, stops.node order by stops.stop_number) = 1 as is_first_pass,
    (stops.at_micros - lag(stops.at_micros) over way) / 1e6 as gap_seconds
from stops
inner join journeys on stops.journey_id = journeys.journey_id
window way as (partition by stops.journey_id order by stops.stop_number)
