-- One row per visit x page type x product category seen in it.

{% set affected %}
select session_id from {{ changes('int_web__events') }}
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected,
    bounds={'first_day': 'select min(visit_day) from ' ~ changes('int_web__events')}
) }}

select distinct
    session_id,
    coalesce(page_type, 'other') as page_type,
    coalesce(category, '') as category
from {{ ref('int_web__events') }}
where {{ affected_only('session_id') }} and {{ not_before('event_date', 'first_day') }}
