-- One row per window x segment x directed edge of the map x time it took: moves of journeys that ended in the window.

with parts as (

    select
        parts.window_name,
        parts.window_start,
        parts.window_end,
        moves.* exclude (end_month)
    from {{ ref('int_journeys__map_months') }} as moves
    inner join {{ ref('int_journeys__window_parts') }} as parts
        on moves.end_month = parts.part_start and parts.part = 'month'

    union all

    select
        parts.window_name,
        parts.window_start,
        parts.window_end,
        moves.* exclude (end_date)
    from {{ ref('int_journeys__map_days') }} as moves
    inner join {{ ref('int_journeys__window_parts') }} as parts
        on moves.end_date = parts.part_start and parts.part = 'day'

),

summed as (

    select
        window_name,
        window_start,
        window_end,
        device_type,
        visitor_type,
        from_node,
        to_node,
        to_kind,
        gap_seconds,
        sum(moves) as moves,
        sum(journeys) as journeys,
        sum(converted_journeys) as converted_journeys
    from parts
    group by all

),

segments as (

    select
        'all' as segment,
        *
    from summed
    union all
    select
        concat('device=', device_type) as segment,
        *
    from summed
    where device_type <> ''
    union all
    select
        concat('visitor=', visitor_type) as segment,
        *
    from summed

)

select
    window_name,
    window_start,
    window_end,
    segment,
    from_node,
    to_node,
    to_kind,
    nullif(gap_seconds, -1) as gap_seconds,
    cast(sum(moves) as bigint) as moves,
    cast(sum(journeys) as bigint) as journeys,
    cast(sum(converted_journeys) as bigint) as converted_journeys
from segments
group by window_name, window_start, window_end, segment, from_node, to_node, to_kind, gap_seconds
