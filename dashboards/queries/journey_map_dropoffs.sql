select
    node, went_to, outcome, n, probability, probability_low, probability_high, median_gap_seconds / 3600 as median_gap_hours,
    verdict
from marts.rpt_journey_dropoffs
where window_name = $window_name and segment = $segment
order by node, outcome <> 'lost', n desc, went_to
