-- One row per id and customer it was seen with, latest delivery.

select
    lower(id_type) as id_type,
    id_value,
    customer_key,
    seen_at,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'identity_links') }}
qualify {{ latest_delivery(['id_type', 'id_value', 'customer_key']) }}
