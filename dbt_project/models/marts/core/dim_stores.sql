-- One row per store.

select
    store_id,
    name,
    postal_code,
    country,
    region,
    latitude,
    longitude,
    timezone
from {{ ref('stg_sales__stores') }}
