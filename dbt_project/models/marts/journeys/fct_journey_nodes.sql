-- One row per window x segment x node of the map: how often it was passed, by how many journeys and persons.

with passes as (

    select
        window_name,
        window_start,
        window_end,
        segment,
        to_node as node,
        to_kind as node_kind,
        moves,
        journeys,
        converted_journeys
    from {{ ref('int_journeys__map_window_moves') }}

    union all

    -- The first move of a journey passes its stop for the first time: the same counts stand for the start.
    select
        window_name,
        window_start,
        window_end,
        segment,
        'start' as node,
        'start' as node_kind,
        moves,
        journeys,
        converted_journeys
    from {{ ref('int_journeys__map_window_moves') }}
    where from_node = 'start'

),

nodes as (

    select
        window_name,
        window_start,
        window_end,
        segment,
        node,
        node_kind,
        cast(sum(moves) as bigint) as n,
        cast(sum(journeys) as bigint) as journeys,
        cast(sum(converted_journeys) as bigint) as converted_journeys
    from passes
    group by window_name, window_start, window_end, segment, node, node_kind

),

persons as (

    select
        windows.window_name,
        days.segment,
        days.node,
        cast(sum(days.persons) as bigint) as persons
    from {{ ref('int_journeys__map_person_days') }} as days
    inner join {{ ref('int_journeys__windows') }} as windows
        on days.last_date between windows.window_start and windows.window_end
    group by windows.window_name, days.segment, days.node

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
    persons.persons,
    nodes.converted_journeys
from nodes
inner join persons
    on nodes.window_name = persons.window_name and nodes.segment = persons.segment and nodes.node = persons.node
left join event_phases on nodes.node = event_phases.node
left join channel_phases on nodes.node = channel_phases.channel
