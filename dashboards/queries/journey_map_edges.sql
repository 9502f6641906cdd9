-- Every line of one map, the thin ones too.
select from_node, to_node, n, probability, median_gap_seconds / 3600 as median_gap_hours
from marts.fct_journey_edges
where window_name = $window_name and segment = $segment
order by n desc, from_node, to_node
