select phase, parameter, direction, outcome, visits, log_odds, log_odds_low, log_odds_high, weight, verdict
from marts.rpt_cji_directions
where phase_model = $phase_model
order by phase, parameter desc
