-- One row per customer x delivery: the segment he was in then. Judging the past by today's segments would sort
-- customers by what they bought since.

select
    customer_key,
    _delivery_date as delivery_date,
    segment
from {{ source('raw', 'customers') }}
where segment is not null
qualify {{ latest_delivery(['customer_key', '_delivery_date']) }}
