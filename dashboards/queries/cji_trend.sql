select snapshot_date, cji, cji_low, cji_high, visits
from marts.fct_cji
where
    phase_model = $phase_model
    and segment = $segment
    and snapshot_date between $start::date and $day::date
order by snapshot_date
