-- One row per feed and state of its deliveries: empty, header_only, truncated, missing and drifted are told apart.
select
    source,
    entity,
    state,
    count(*) as rows,
    max("window") as last_window,
    sum(rows_in)::bigint as rows_in,
    sum(rows_quarantined)::bigint as rows_quarantined,
    sum(rows_ambiguous)::bigint as rows_ambiguous,
    max(problem) as problem
from raw.load_batches
group by all
order by max(problem) is null, source, entity, state
