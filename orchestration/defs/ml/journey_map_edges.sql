-- One row per window x segment x edge of the map x bucket of persons; summed over buckets these are marts.fct_journey_edges.
select
    windows.window_name,
    windows.window_start,
    windows.window_end,
    segments.segment,
    moves.from_node as "from",
    moves.to_node as "to",
    journeys.person_bucket as bucket,
    count(*) as n
from intermediate.int_journeys__map_moves as moves
inner join intermediate.int_journeys__map_segments as segments on moves.journey_id = segments.journey_id
inner join marts.fct_journeys as journeys on moves.journey_id = journeys.journey_id
inner join intermediate.int_journeys__windows as windows
    on moves.end_date between windows.window_start and windows.window_end
group by all
order by all
