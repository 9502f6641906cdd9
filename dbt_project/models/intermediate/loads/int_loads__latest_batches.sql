-- One row per feed, entity and load window: what raw holds of it, and how the last attempt to load it ended.

with windows as (

    select
        feed,
        entity,
        load_window,
        min(started_at) as started_at,
        max(finished_at) as finished_at,
        max(checked_at) as checked_at,
        count(*) as files,
        -- A failed attempt leaves what an earlier one brought; its own rows are not loaded.
        sum(rows_in) as rows_in,
        sum(rows_loaded) as rows_loaded,
        sum(rows_quarantined) as rows_quarantined,
        sum(rows_duplicate) as rows_duplicate,
        sum(rows_filtered) as rows_filtered,
        sum(rows_ambiguous) as rows_ambiguous,
        count(*) filter (where {{ is_complete('state') }}) as files_usable,
        max(problem) as problem,
        max(state) filter (where not {{ is_complete('state') }}) as failed_state,
        max(state) filter (where {{ is_complete('state') }}) as usable_state
    from {{ ref('stg_loads__batches') }}
    group by feed, entity, load_window

)

select
    feed,
    entity,
    load_window,
    try_cast(load_window as date) as window_date,
    started_at,
    finished_at,
    checked_at,
    files,
    rows_in,
    rows_loaded,
    rows_quarantined,
    rows_duplicate,
    rows_filtered,
    rows_ambiguous,
    -- The alphabet puts loaded after header_only after empty: one file with rows makes a day with rows.
    coalesce(failed_state, usable_state) as state,
    problem,
    files_usable > 0 as is_loaded
from windows
