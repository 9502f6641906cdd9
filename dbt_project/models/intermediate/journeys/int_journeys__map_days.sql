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

select
    end_date,
    coalesce(device_type, '') as device_type,
    coalesce(visitor_type, '') as visitor_type,
    from_node,
    to_node,
    to_kind,
    {{ two_digits('gap_seconds') }} as gap_seconds,
    cast(sum(_balance) as bigint) as moves,
    -- A node is passed by a journey once, however often it comes back to it.
    cast(sum(case when is_first_pass then _balance else 0 end) as bigint) as journeys,
    cast(sum(case when is_first_pass and is_converted then _balance else 0 end) as bigint) as converted_journeys
from {{ signed_rows('int_journeys__map_moves') }} as moves
group by
    end_date,
    coalesce(device_type, ''),
    coalesce(visitor_type, ''),
    from_node,
    to_node,
    to_kind,
    {{ two_digits('gap_seconds') }}
