select
    node, journeys, share_of_start, share_of_start_low, share_of_start_high,
    converted_journeys, conversion_share, conversion_share_low, conversion_share_high,
    moves, moves_to_conversion, moves_to_touchpoint, moves_to_null, verdict
from marts.rpt_journey_funnel
where window_name = $window_name and segment = $segment
order by stage_order, node
