select
    visits, phases_scored, cji, cji_low, cji_high, weakest_phase, macro_conversion_share, bot_share, verdict
from marts.fct_cji
where phase_model = $phase_model and segment = $segment and snapshot_date = $day::date
