select segment, segment_kind, device_type, channel, visitor_type, visits
from marts.fct_cji
where phase_model = $phase_model and snapshot_date = $day::date
order by segment <> 'all', length(segment) - length(replace(segment, '|', '')), segment_kind, visits desc
