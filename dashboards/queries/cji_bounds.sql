select min(snapshot_date) as first_day, max(snapshot_date) as last_day
from marts.fct_cji
where phase_model = $phase_model
