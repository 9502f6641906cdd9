-- One row per window x segment x node of the map: how often it was passed, by how many journeys and persons.

with visits as (

    select
        moves.journey_id,
        moves.person_id,
        moves.end_date,
        moves.is_converted,
        moves.to_node as node,
        moves.to_kind as node_kind,
        count(*) as passes
    from {{ ref('int_journeys__map_moves') }} as moves
    group by
        moves.journey_id, moves.person_id, moves.end_date, moves.is_converted, moves.to_node, moves.to_kind

    union all

    select
        journey_id,
        person_id,
        end_date,
        is_converted,
        'start' as node,
        'start' as node_kind,
        1 as passes
    from {{ ref('int_journeys__map_moves') }}
    where move_number = 1

),

-- The column of a channel is the phase its contacts usually speak to (a visit opens the way, so it counts as 1).
channel_phases as (

    select
        channel,
        phase
    from (
        select
            channel,
            case when touchpoint_type = 'visit' then 1 else coalesce(phase, 1) end as phase,
            count(*) as contacts
        from {{ ref('int_journeys__touchpoints') }}
        where is_path_contact
        group by channel, case when touchpoint_type = 'visit' then 1 else coalesce(phase, 1) end
    ) as counted
    qualify row_number() over (partition by channel order by contacts desc, phase asc) = 1

),

event_phases as (

    select
        node,
        min(phase) as phase
    from {{ ref('journey_map_events') }}
    group by node

),

nodes as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        segments.segment,
        visits.node,
        visits.node_kind,
        cast(sum(visits.passes) as bigint) as n,
        count(*) as journeys,
        count(distinct visits.person_id) as persons,
        count(case when visits.is_converted then 1 end) as converted_journeys
    from visits
    inner join {{ ref('int_journeys__map_segments') }} as segments on visits.journey_id = segments.journey_id
    inner join {{ ref('int_journeys__windows') }} as windows
        on visits.end_date between windows.window_start and windows.window_end
    group by
        windows.window_name,
        windows.window_start,
        windows.window_end,
        segments.segment,
        visits.node,
        visits.node_kind

)

select
    nodes.window_name,
    nodes.window_start,
    nodes.window_end,
    nodes.segment,
    nodes.node,
    nodes.node_kind,
    cast(
        case
            when nodes.node_kind = 'micro_conversion' then event_phases.phase
            when nodes.node_kind = 'touchpoint' then coalesce(channel_phases.phase, 1)
        end as bigint
    ) as phase,
    case when nodes.node_kind = 'touchpoint' then nodes.node end as channel,
    nodes.n,
    nodes.journeys,
    nodes.persons,
    nodes.converted_journeys
from nodes
left join event_phases on nodes.node = event_phases.node
left join channel_phases on nodes.node = channel_phases.channel
