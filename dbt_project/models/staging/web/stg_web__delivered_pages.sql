-- One row per feed x delivery x type of page in it: whether it came with page_view events.

{% set affected %}
select feed, delivery_date from {{ changed_deliveries('web_events') }}
{% endset %}
{{ config(materialized='keyed', key=['feed', 'delivery_date'], affected=affected, logged=['feed', 'page_type']) }}

select
    _source as feed,
    _delivery_date as delivery_date,
    coalesce(lower(trim(page_type)), '') as page_type,
    bool_or(lower(event_name) = 'page_view') as has_page_view
from {{ source('raw', 'web_events') }}
{% if is_partial() %}where (_source, _delivery_date) in {{ changed_deliveries('web_events') }}{% endif %}
group by _source, _delivery_date, coalesce(lower(trim(page_type)), '')
