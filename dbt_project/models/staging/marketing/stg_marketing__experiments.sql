-- One row per experiment and unit: the arm it was assigned to, latest delivery.

select
    experiment_id,
    unit_id,
    lower(unit_type) as unit_type,
    lower(arm) as arm,
    assigned_at,
    {{ local_date('assigned_at') }} as assigned_date,
    campaign_id,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'experiments') }}
qualify {{ latest_delivery(['experiment_id', 'unit_id']) }}
