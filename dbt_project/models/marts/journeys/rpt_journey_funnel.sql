-- One row per window x segment x stage of the map: how far journeys came, and where they went from there.
--
-- Counted from the nodes and edges of the map, so funnel, drop-offs and map show the same numbers. A stage is a
-- micro-conversion or one of the ends of the way, start and conversion; stages stand in the order of their phases.

with edges as (

    select
        edges.window_name,
        edges.segment,
        edges.from_node as node,
        sum(edges.n) as moves,
        sum(case when edges.to_node = 'conversion' then edges.n else 0 end) as moves_to_conversion,
        sum(case when edges.to_node = 'null' then edges.n else 0 end) as moves_to_null,
        sum(case when targets.node_kind = 'touchpoint' then edges.n else 0 end) as moves_to_touchpoint
    from {{ ref('fct_journey_edges') }} as edges
    inner join {{ ref('fct_journey_nodes') }} as targets
        on
            edges.window_name = targets.window_name
            and edges.segment = targets.segment
            and edges.to_node = targets.node
    group by edges.window_name, edges.segment, edges.from_node

),

stages as (

    select
        *,
        case node_kind when 'start' then 0 when 'conversion' then 7 else phase end as stage_order
    from {{ ref('fct_journey_nodes') }}
    where node_kind in ('start', 'micro_conversion', 'conversion')

)

select
    stages.window_name,
    stages.window_start,
    stages.window_end,
    stages.segment,
    stages.node,
    cast(stages.stage_order as bigint) as stage_order,
    stages.journeys,
    stages.converted_journeys,
    cast(stages.journeys / starts.journeys as double) as share_of_start,
    cast({{ wilson_bound('stages.journeys / starts.journeys', 'starts.journeys', '-') }} as double)
        as share_of_start_low,
    cast({{ wilson_bound('stages.journeys / starts.journeys', 'starts.journeys', '+') }} as double)
        as share_of_start_high,
    cast(stages.converted_journeys / stages.journeys as double) as conversion_share,
    cast({{ wilson_bound('stages.converted_journeys / stages.journeys', 'stages.journeys', '-') }} as double)
        as conversion_share_low,
    cast({{ wilson_bound('stages.converted_journeys / stages.journeys', 'stages.journeys', '+') }} as double)
        as conversion_share_high,
    cast(coalesce(edges.moves, 0) as bigint) as moves,
    cast(coalesce(edges.moves_to_conversion, 0) as bigint) as moves_to_conversion,
    cast(coalesce(edges.moves_to_null, 0) as bigint) as moves_to_null,
    cast(coalesce(edges.moves_to_touchpoint, 0) as bigint) as moves_to_touchpoint,
    case when stages.journeys < 30 then 'not enough data' else 'supported' end as verdict
from stages
inner join stages as starts
    on stages.window_name = starts.window_name and stages.segment = starts.segment and starts.node = 'start'
left join edges
    on
        stages.window_name = edges.window_name
        and stages.segment = edges.segment
        and stages.node = edges.node
