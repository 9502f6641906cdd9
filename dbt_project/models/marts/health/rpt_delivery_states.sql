-- One row per source x entity x load window that is more than simply loaded: no rows came, or none could be used.

select
    feed as source,
    entity,
    load_window,
    window_date as delivery_date,
    state,
    problem,
    is_loaded as has_earlier_rows,
    cast(rows_loaded as bigint) as rows_loaded,
    checked_at
from {{ ref('int_loads__latest_batches') }}
where state <> 'loaded'
