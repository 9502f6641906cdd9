-- One row per source x entity x reason: rows kept aside, with an example.

select
    feed as source,
    entity,
    reason_code,
    count(*) as rows,
    count(replayed_at) as rows_replayed,
    min(first_seen_at) as first_seen_at,
    max(first_seen_at) as last_seen_at,
    -- Those still waiting are the ones worth reading.
    coalesce(min(reason) filter (where replayed_at is null), min(reason)) as example_reason,
    count(*) filter (where replayed_at is null) as rows_waiting,
    -- The payload of the row whose reason is shown.
    substr(
        coalesce(min_by(payload, reason) filter (where replayed_at is null), min_by(payload, reason)), 1, 400
    ) as example_payload
from {{ ref('stg_loads__quarantine') }}
group by feed, entity, reason_code
