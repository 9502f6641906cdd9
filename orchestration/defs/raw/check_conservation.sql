-- Deliveries that do not account for every row, in their own figures or in what is really stored: those of the days of
-- the run and the snapshots. Older days were checked when they were loaded; reading them all again would cost more
-- every day.
with stored as (
    select
        _batch_id as batch_id,
        count(*) as rows
    from query_table('raw.' || $entity)
    where _delivery_date between $first and $last
    group by _batch_id
    union all
    select
        _batch_id as batch_id,
        count(*) as rows
    from query_table('raw.' || $entity)
    where _delivery_date = date '1970-01-01' and $first > date '1970-01-01'
    group by _batch_id
),

rejected as (
    select
        batch_id,
        count(*) as rows
    from raw.quarantine
    where entity = $entity and replayed_at is null
    group by batch_id
)

select
    batches.batch_id,
    batches.rows_in,
    batches.rows_loaded,
    batches.rows_quarantined,
    batches.rows_duplicate,
    coalesce(stored.rows, 0) as rows_stored,
    coalesce(rejected.rows, 0) as rows_in_quarantine
from raw.load_batches as batches
left join stored using (batch_id)
left join rejected using (batch_id)
where
    batches.entity = $entity
    and (batches."window" = 'snapshot' or try_cast(batches."window" as date) between $first and $last)
    and (
        batches.rows_in != batches.rows_loaded + batches.rows_quarantined + batches.rows_duplicate
        or batches.rows_loaded != coalesce(stored.rows, 0)
        or batches.rows_quarantined != coalesce(rejected.rows, 0)
    )
