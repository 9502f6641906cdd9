-- Incidents of the last year that had begun by the chosen day; a segment sees its own and those of everyone.
select phase, segment, first_day, last_day, is_open, visits, progress_share, normal_share, lost_progress, lost_value
from ml.cji_incidents
where phase_model = $phase_model and first_day <= $day::date and ($segment = 'all' or segment in ($segment, 'all'))
order by is_open desc, first_day desc, phase
