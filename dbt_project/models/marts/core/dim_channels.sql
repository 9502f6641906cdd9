-- One row per channel.

select
    channel,
    label_de,
    label_en,
    is_paid,
    is_online,
    sort_order
from {{ ref('channels') }}
