-- One row per feed and reason: how many rows wait, how many a replay brought in, and what one looks like.
select
    source,
    entity,
    reason_code,
    count(*) as rows,
    count(*) filter (replayed_at is null) as rows_waiting,
    count(*) filter (outcome = 'replayed') as rows_replayed,
    any_value(reason) as example,
    left(any_value(payload order by replayed_at nulls first), 200) as payload
from raw.quarantine
group by all
order by rows_waiting desc, source, entity, reason_code
