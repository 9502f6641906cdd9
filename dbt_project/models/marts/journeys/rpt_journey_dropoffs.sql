-- One row per window x segment x micro-conversion x where journeys went instead of onwards.
--
-- Onwards is a stage of a later phase or the order. Everything else is a drop-off: to null the journey was lost, to a
-- channel the person left and came back that way, to an earlier stage it was another round. Rows are edges of the map.

with totals as (

    select
        window_name,
        segment,
        from_node,
        sum(n) as n
    from {{ ref('fct_journey_edges') }}
    group by window_name, segment, from_node

)

select
    edges.window_name,
    edges.window_start,
    edges.window_end,
    edges.segment,
    edges.from_node as node,
    edges.to_node as went_to,
    case
        when edges.to_node = 'null' then 'lost'
        when targets.node_kind = 'touchpoint' then 'came back'
        else 'another round'
    end as outcome,
    edges.n,
    edges.probability,
    cast({{ wilson_bound('edges.probability', 'totals.n', '-') }} as double) as probability_low,
    cast({{ wilson_bound('edges.probability', 'totals.n', '+') }} as double) as probability_high,
    edges.median_gap_seconds,
    case when totals.n < 30 then 'not enough data' else 'supported' end as verdict
from {{ ref('fct_journey_edges') }} as edges
inner join {{ ref('fct_journey_nodes') }} as sources
    on
        edges.window_name = sources.window_name
        and edges.segment = sources.segment
        and edges.from_node = sources.node
inner join {{ ref('fct_journey_nodes') }} as targets
    on
        edges.window_name = targets.window_name
        and edges.segment = targets.segment
        and edges.to_node = targets.node
inner join totals
    on
        edges.window_name = totals.window_name
        and edges.segment = totals.segment
        and edges.from_node = totals.from_node
where
    sources.node_kind = 'micro_conversion'
    and targets.node_kind <> 'conversion'
    and not (targets.node_kind = 'micro_conversion' and targets.phase > sources.phase)
