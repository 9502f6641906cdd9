-- One row per feed and reason, waiting or replayed.
select
    source,
    entity,
    reason_code,
    count(*) as rows,
    count(replayed_at) as rows_replayed,
    any_value(reason) as example
from raw.quarantine
group by all
order by all
