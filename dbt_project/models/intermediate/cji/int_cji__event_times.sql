-- One row per human event: what it was, and the seconds until the next event of its visit (NULL at its end).

select
    session_id,
    event_number,
    event_name,
    coalesce(page_type, '') as page_type,
    coalesce(device_type, 'other') as device_type,
    coalesce(is_pageview, false) as is_pageview,
    engaged_seconds,
    ({{ epoch_micros('lead(occurred_at) over visit') }} - {{ epoch_micros('occurred_at') }}) / 1000000.0 as gap_seconds
from {{ ref('int_web__events') }}
window visit as (partition by session_id order by event_number)
