-- One row per feed x type of page: whether the feed ever sends page_view for it, and the feed's first delivery.
--
-- Derived anew each day from its small input; only the types of pages that really changed lead to events of old days.

{{ config(materialized='keyed', key=['feed', 'page_type']) }}

select
    feed,
    page_type,
    bool_or(has_page_view) as has_page_view,
    min(min(case when delivery_date > cast('1970-01-01' as date) then delivery_date end)) over (partition by feed)
        as feed_started_on
from {{ ref('stg_web__delivered_pages') }}
group by feed, page_type
