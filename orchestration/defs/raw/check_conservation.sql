-- Deliveries of an entity that do not account for every row, in their own figures or in what is really stored.
with stored as (
    select
        _batch_id as batch_id,
        count(*) as rows
    from query_table('raw.' || $entity)
    group by _batch_id
),

rejected as (
    select
        batch_id,
        count(*) as rows
    from raw.quarantine
    where entity = $entity
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
    and (
        batches.rows_in != batches.rows_loaded + batches.rows_quarantined + batches.rows_duplicate
        or batches.rows_loaded != coalesce(stored.rows, 0)
        or batches.rows_quarantined != coalesce(rejected.rows, 0)
    )
