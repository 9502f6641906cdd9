select distinct phase_model
from marts.fct_cji
order by phase_model
