-- One row per day x device x new or returning x directed edge of the map x time it took: how often it was gone.
--
-- The time is kept in two digits: a median of what is kept is off by 5 % at most, and the rows stay few. '' is a
-- journey without a device, -1 a move without a time.

{{ config(
    materialized='summed', counted='int_journeys__map_moves',
    dimensions=[
        'end_date', 'device_type', 'visitor_type', 'from_node', 'to_node', 'to_kind', 'gap_seconds'
    ],
    measures=['moves', 'journeys', 'converted_journeys']
) }}

{{ journey_map_sums("end_date", 'end_date') }}
