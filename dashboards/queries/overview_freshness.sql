select
    count(*) as feeds,
    count(*) filter (where status in ('ok', 'quarantined rows')) as fresh,
    max(last_loaded_at) as last_loaded_at
from marts.rpt_data_freshness
