-- One row per visitor that is a machine, with the first reason that applies on any day.

{% set affected %}
select visitor_id from {{ changes('int_web__bot_days') }}
{% endset %}
{{ config(materialized='keyed', key=['visitor_id'], affected=affected) }}

select
    visitor_id,
    min_by(reason, priority) as reason
from {{ ref('int_web__bot_days') }}
where {{ affected_only('visitor_id') }}
group by visitor_id
