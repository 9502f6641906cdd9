select segment
from marts.fct_journey_nodes
where window_name = $window_name and node = 'start'
order by segment <> 'all', segment
