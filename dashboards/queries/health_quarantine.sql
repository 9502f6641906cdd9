select
    source, entity, reason_code, rows_waiting, rows_replayed, first_seen_at, last_seen_at, example_reason, example_payload
from marts.rpt_quarantine
order by rows_waiting desc, source, entity, reason_code
