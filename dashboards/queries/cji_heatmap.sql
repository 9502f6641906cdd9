select segment, device_type, channel, visitor_type, phase, score, score_low, score_high, visits, is_small
from marts.fct_cji_phases
where
    phase_model = $phase_model
    and snapshot_date = $day::date
    and (segment = 'all' or segment like $dimension || '=%')
    and segment not like '%|%'
order by segment <> 'all', segment, phase
