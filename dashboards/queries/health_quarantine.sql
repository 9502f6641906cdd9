select source, entity, reason_code, rows, rows_replayed, first_seen_at, last_seen_at, example_reason
from marts.rpt_quarantine
order by rows desc, source, entity, reason_code
