-- One row per load of a feed: what came in and what became of it.

select
    batch_id,
    source as feed,
    entity,
    started_at,
    finished_at,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_duplicate,
    file_name,
    file_sha256,
    {{ adapter.quote('window') }} as load_window,
    state
from {{ source('raw', 'load_batches') }}
