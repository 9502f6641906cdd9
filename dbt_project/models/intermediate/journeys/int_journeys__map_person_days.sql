-- One row per day x segment x node of the map: persons of whom a journey that passed it last ended on this day.

{{ config(
    materialized='summed', counted='int_journeys__map_persons', dimensions=['last_date', 'segment', 'node'],
    measures=['persons']
) }}

select
    last_date,
    segment,
    node,
    cast(sum(_balance) as bigint) as persons
from {{ signed_rows('int_journeys__map_persons') }} as persons
group by last_date, segment, node
