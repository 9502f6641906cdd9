-- The windows the map is drawn for.
select
    window_name,
    min(window_start) as window_start,
    max(window_end) as window_end
from marts.fct_journey_nodes
group by window_name
