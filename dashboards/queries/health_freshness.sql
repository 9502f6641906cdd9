select
    source, entity, status, last_state, last_event_at, last_delivery_date, last_loaded_at,
    rows_in, rows_loaded, rows_quarantined, rows_duplicate, days_missing, rows_waiting, rows_too_late, rows_ambiguous,
    rows_filtered, problem, last_checked_at
from marts.rpt_data_freshness
order by status = 'ok', source, entity
