-- One row per delivered row that did not fit the contract, with its reason.

select
    batch_id,
    source as feed,
    entity,
    {{ adapter.quote('window') }} as load_window,
    row_number as file_row_number,
    reason_code,
    reason,
    -- What is left of the row when nothing is left of the person.
    regexp_replace(payload, ',?"_personal":\{[^}]*\}', '') as payload,
    first_seen_at,
    replayed_at,
    outcome
from {{ source('raw', 'quarantine') }}
