-- One row per feed and state of its deliveries.
select
    source,
    entity,
    state,
    count(*) as rows,
    max("window") as last_window,
    sum(rows_in)::bigint as rows_in,
    sum(rows_quarantined)::bigint as rows_quarantined
from raw.load_batches
group by all
order by all
