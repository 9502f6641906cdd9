-- One row per window x segment x directed edge of the map: how often journeys that ended in the window went that way.

with moves as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        segments.segment,
        moves.from_node,
        moves.to_node,
        moves.gap_seconds
    from {{ ref('int_journeys__map_moves') }} as moves
    inner join {{ ref('int_journeys__map_segments') }} as segments on moves.journey_id = segments.journey_id
    inner join {{ ref('int_journeys__windows') }} as windows
        on moves.end_date between windows.window_start and windows.window_end

),

edges as (

    select
        window_name,
        window_start,
        window_end,
        segment,
        from_node,
        to_node,
        count(*) as n,
        percentile_cont(0.5) within group (order by gap_seconds) as median_gap_seconds
    from moves
    group by window_name, window_start, window_end, segment, from_node, to_node

)

select
    window_name,
    window_start,
    window_end,
    segment,
    from_node,
    to_node,
    n,
    cast(n / sum(n) over (partition by window_name, segment, from_node) as double) as probability,
    cast(median_gap_seconds as double) as median_gap_seconds
from edges
