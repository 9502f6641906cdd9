-- One row per feed, entity and load window: the last load of it, since a day that is run again replaces itself.

select
    feed,
    entity,
    load_window,
    try_cast(load_window as date) as window_date,
    started_at,
    finished_at,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_duplicate,
    state
from {{ ref('stg_loads__batches') }}
qualify
    row_number() over (
        partition by feed, entity, load_window order by coalesce(finished_at, started_at) desc nulls last, batch_id desc
    ) = 1
