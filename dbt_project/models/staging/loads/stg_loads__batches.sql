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
    coalesce(rows_filtered, 0) as rows_filtered,
    coalesce(rows_ambiguous, 0) as rows_ambiguous,
    file_name,
    file_sha256,
    {{ adapter.quote('window') }} as load_window,
    state,
    problem,
    coalesce(checked_at, finished_at) as checked_at
from {{ source('raw', 'load_batches') }}
