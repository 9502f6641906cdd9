-- The trend of one phase; same columns as cji_trend.sql.
select snapshot_date, score as cji, score_low as cji_low, score_high as cji_high, visits
from marts.fct_cji_phases
where
    phase_model = $phase_model
    and segment = $segment
    and phase = $phase::bigint
    and snapshot_date between $start::date and $day::date
order by snapshot_date
