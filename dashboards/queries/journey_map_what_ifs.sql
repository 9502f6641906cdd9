select node, target, lost, gain, gain_low, gain_high, return_visits
from ml.journey_map_what_ifs
where window_name = $window_name and segment = $segment
