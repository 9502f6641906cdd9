-- One row per delivered row that did not fit the contract, with its reason; the payload stays in raw.

select
    batch_id,
    source as feed,
    entity,
    row_number as file_row_number,
    reason_code,
    reason,
    first_seen_at,
    replayed_at
from {{ source('raw', 'quarantine') }}
