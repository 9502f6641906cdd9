-- One row per person x segment x node of the map: the last day on which a journey of the person that passed it ended.
--
-- All windows end on the last business day, so a person was at a node in a window exactly if this day lies in it.

{% set affected %}
select person_id from {{ changes('int_journeys__map_moves') }}
union all
select moves.person_id
from {{ stored('int_journeys__map_moves') }} as moves
where
    moves.end_date between (select min(as_of_date) from {{ changes('int_calendar__as_of') }})
    and (select max(as_of_date) from {{ changes('int_calendar__as_of') }})
{% endset %}
{{ config(
    materialized='keyed', key=['person_id', 'segment', 'node'], affected=affected,
    cluster_by='last_date', scope=['person_id'], signed=true
) }}

with passed as (

    select
        person_id,
        device_type,
        visitor_type,
        to_node as node,
        max(end_date) as last_date
    from {{ ref('int_journeys__map_moves') }}
    where end_date <= {{ as_of_date() }} and {{ affected_only('person_id') }}
    group by person_id, device_type, visitor_type, to_node

    union all

    select
        person_id,
        device_type,
        visitor_type,
        'start' as node,
        max(end_date) as last_date
    from {{ ref('int_journeys__map_moves') }}
    where from_node = 'start' and end_date <= {{ as_of_date() }} and {{ affected_only('person_id') }}
    group by person_id, device_type, visitor_type

),

segments as (

    select
        person_id,
        'all' as segment,
        node,
        last_date
    from passed
    union all
    select
        person_id,
        concat('device=', device_type) as segment,
        node,
        last_date
    from passed
    where device_type is not null
    union all
    select
        person_id,
        concat('visitor=', visitor_type) as segment,
        node,
        last_date
    from passed

)

select
    person_id,
    segment,
    node,
    max(last_date) as last_date
from segments
group by person_id, segment, node
