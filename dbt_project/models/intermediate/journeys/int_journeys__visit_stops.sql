-- One row per visit x stop reached in it: when it was first reached.
--
-- Which events are stops is said in seeds/journey_map_events.csv.

{% set affected %}
select session_id from {{ changes('int_web__events') }}
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected,
    bounds={'first_day': 'select min(visit_day) from ' ~ changes('int_web__events')}
) }}

select
    events.session_id,
    stops.node,
    min(events.occurred_at) as occurred_at,
    min(events.event_number) as event_number
from {{ ref('int_web__events') }} as events
inner join {{ ref('journey_map_events') }} as stops on events.event_name = stops.event_name
where {{ affected_only('events.session_id') }} and {{ not_before('events.event_date', 'first_day') }}
group by events.session_id, stops.node
