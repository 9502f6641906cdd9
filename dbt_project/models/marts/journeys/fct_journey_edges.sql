-- One row per window x segment x directed edge of the map: how often journeys that ended in the window went that way.

with ranked as (

    select
        *,
        sum(moves) over (
            partition by window_name, segment, from_node, to_node
            order by gap_seconds
            rows between unbounded preceding and current row
        ) as moves_until,
        sum(moves) over (partition by window_name, segment, from_node, to_node) as all_moves
    from {{ ref('int_journeys__map_window_moves') }}
    where gap_seconds is not null

),

-- The middle move, or the mean of the two in the middle.
medians as (

    select
        window_name,
        segment,
        from_node,
        to_node,
        (
            min(case when 2 * moves_until >= all_moves then gap_seconds end)
            + min(case when 2 * moves_until > all_moves then gap_seconds end)
        ) / 2.0 as median_gap_seconds
    from ranked
    group by window_name, segment, from_node, to_node

),

edges as (

    select
        window_name,
        window_start,
        window_end,
        segment,
        from_node,
        to_node,
        cast(sum(moves) as bigint) as n
    from {{ ref('int_journeys__map_window_moves') }}
    group by window_name, window_start, window_end, segment, from_node, to_node

)

select
    edges.window_name,
    edges.window_start,
    edges.window_end,
    edges.segment,
    edges.from_node,
    edges.to_node,
    edges.n,
    cast(
        edges.n / sum(edges.n) over (partition by edges.window_name, edges.segment, edges.from_node) as double
    ) as probability,
    cast(medians.median_gap_seconds as double) as median_gap_seconds
from edges
left join medians
    on
        edges.window_name = medians.window_name
        and edges.segment = medians.segment
        and edges.from_node = medians.from_node
        and edges.to_node = medians.to_node
