-- One row per source x entity: is the data of this feed there, complete and recent?

with today as (

    select
        as_of_date,
        {{ add_days('as_of_date', -27) }} as recent_from
    from {{ ref('int_calendar__as_of') }}

),

batches as (

    select
        feed,
        entity,
        max_by(state, coalesce(window_date, cast(finished_at as date))) as last_state,
        max(finished_at) as last_finished_at,
        max(checked_at) as last_checked_at,
        max_by(problem, coalesce(window_date, cast(finished_at as date))) filter (where problem is not null) as problem,
        sum(rows_in) as rows_in,
        sum(rows_loaded) as rows_loaded,
        sum(rows_quarantined) as rows_quarantined,
        sum(rows_duplicate) as rows_duplicate,
        sum(rows_filtered) as rows_filtered,
        sum(rows_ambiguous) as rows_ambiguous,
        count(*) filter (where state = 'empty') as days_empty,
        count(*) filter (where state = 'header_only') as days_header_only,
        count(*) filter (where state = 'truncated') as days_truncated,
        count(*) filter (where state = 'drifted') as days_drifted,
        count(*) filter (where state = 'missing') as days_absent,
        count(*) filter (where not {{ is_complete('state') }}) as windows_missing,
        count(distinct window_date) as windows_seen,
        count(distinct window_date) filter (
            where {{ is_complete('state') }} and window_date >= recent_from
        ) as recent_windows,
        min(window_date) as first_window,
        max(window_date) as last_window
    from {{ ref('int_loads__latest_batches') }}
    cross join today
    group by feed, entity

),

waiting as (

    select
        feed,
        entity,
        count(*) filter (where replayed_at is null) as rows_waiting,
        count(*) filter (where replayed_at is null and reason_code = 'too_late') as rows_too_late
    from {{ ref('stg_loads__quarantine') }}
    group by feed, entity

),

feeds as (

    select
        coalesce(batches.feed, loaded.feed) as source,
        coalesce(batches.entity, loaded.entity) as entity,
        loaded.last_event_at,
        loaded.last_delivery_date,
        coalesce(loaded.last_loaded_at, batches.last_finished_at) as last_loaded_at,
        batches.last_state,
        batches.last_window,
        -- A feed that is no longer asked for, while another brings the same entity, has ended and is not late.
        case
            when batches.last_window < max(batches.last_window) over (partition by batches.entity)
                then batches.last_window
            else today.as_of_date
        end as expected_until,
        coalesce(batches.rows_in, loaded.current_rows, 0) as rows_in,
        coalesce(batches.rows_loaded, loaded.current_rows, 0) as rows_loaded,
        coalesce(batches.rows_quarantined, 0) as rows_quarantined,
        coalesce(batches.rows_duplicate, 0) as rows_duplicate,
        -- Days that were looked for and not there, and days nobody looked for.
        coalesce(batches.windows_missing, 0)
        + coalesce({{ days_between('batches.first_window', 'batches.last_window') }} + 1 - batches.windows_seen, 0)
            as days_missing,
        -- Old gaps stay in the count above, but only those of the last four weeks call for action.
        coalesce(
            {{ days_between('greatest(batches.first_window, today.recent_from)', 'batches.last_window') }}
            + 1 - batches.recent_windows,
            0
        ) as recent_days_missing,
        coalesce(waiting.rows_waiting, 0) as rows_waiting,
        coalesce(waiting.rows_too_late, 0) as rows_too_late,
        coalesce(batches.rows_filtered, 0) as rows_filtered,
        coalesce(batches.rows_ambiguous, 0) as rows_ambiguous,
        coalesce(batches.days_empty, 0) as days_empty,
        coalesce(batches.days_header_only, 0) as days_header_only,
        coalesce(batches.days_truncated, 0) as days_truncated,
        coalesce(batches.days_drifted, 0) as days_drifted,
        coalesce(batches.days_absent, 0) as days_absent,
        batches.problem,
        batches.last_checked_at
    from batches
    full outer join {{ ref('int_loads__feeds') }} as loaded
        on batches.feed = loaded.feed and batches.entity = loaded.entity
    left join waiting
        on
            coalesce(batches.feed, loaded.feed) = waiting.feed
            and coalesce(batches.entity, loaded.entity) = waiting.entity
    cross join today

)

select
    source,
    entity,
    last_event_at,
    last_delivery_date,
    last_loaded_at,
    last_state,
    cast(rows_in as bigint) as rows_in,
    cast(rows_loaded as bigint) as rows_loaded,
    cast(rows_quarantined as bigint) as rows_quarantined,
    cast(rows_duplicate as bigint) as rows_duplicate,
    cast(days_missing as bigint) as days_missing,
    case
        when rows_loaded = 0 then 'no data'
        when last_state in ('truncated', 'drifted') then 'damaged'
        when last_state = 'missing' then 'missing'
        -- A snapshot has no delivery day and is judged by what its loads say.
        when coalesce(last_window, last_delivery_date) < expected_until then 'late'
        when recent_days_missing > 0 then 'missing'
        when rows_waiting > 0 then 'quarantined rows'
        else 'ok'
    end as status,
    cast(days_empty as bigint) as days_empty,
    cast(days_header_only as bigint) as days_header_only,
    cast(days_truncated as bigint) as days_truncated,
    cast(days_drifted as bigint) as days_drifted,
    cast(days_absent as bigint) as days_absent,
    cast(rows_waiting as bigint) as rows_waiting,
    cast(rows_too_late as bigint) as rows_too_late,
    cast(rows_filtered as bigint) as rows_filtered,
    cast(rows_ambiguous as bigint) as rows_ambiguous,
    problem,
    last_checked_at
from feeds
