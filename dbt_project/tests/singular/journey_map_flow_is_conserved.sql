-- What flows into a node of the map flows out again, except at the two ends; all of it begins at the start.

with inflow as (

    select
        window_name,
        segment,
        to_node as node,
        sum(n) as n
    from {{ ref('fct_journey_edges') }}
    group by window_name, segment, to_node

),

outflow as (

    select
        window_name,
        segment,
        from_node as node,
        sum(n) as n,
        sum(probability) as probability
    from {{ ref('fct_journey_edges') }}
    group by window_name, segment, from_node

)

select
    nodes.window_name,
    nodes.segment,
    nodes.node,
    nodes.n,
    inflow.n as inflow,
    outflow.n as outflow,
    outflow.probability
from {{ ref('fct_journey_nodes') }} as nodes
left join inflow
    on nodes.window_name = inflow.window_name and nodes.segment = inflow.segment and nodes.node = inflow.node
left join outflow
    on nodes.window_name = outflow.window_name and nodes.segment = outflow.segment and nodes.node = outflow.node
where
    coalesce(inflow.n, 0) <> case when nodes.node = 'start' then 0 else nodes.n end
    or coalesce(outflow.n, 0) <> case when nodes.node_kind in ('conversion', 'null') then 0 else nodes.n end
    or abs(outflow.probability - 1) > 1e-9
