-- One row per phase model x visit x phase with an event: seconds, page views and whether the visit ended there.
--
-- Neutral events inherit the phase before them; a visit that begins neutral begins in phase 1. Times are kept in
-- microseconds, because sums of integers come out the same in any order of the rows.

{% set affected %}
select session_id from {{ changes('int_web__events') }}
union all
select session_id from {{ changes('int_web__sessions') }}
union all
select session_id
from {{ stored('int_web__sessions') }}
where date_trunc('month', session_date) in (select month_start from {{ changes('int_cji__page_times') }})
{% endset %}
{% set first_day %}
select {{ add_days('min(visits.session_date)', -1) }}
from {{ stored('int_web__sessions') }} as visits
inner join affected__int_cji__visit_stages as affected on visits.session_id = affected.session_id
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected, bounds={'first_day': first_day},
    unlogged_inputs=['int_cji__event_phases']
) }}

{{ cji_visit_stages('visit', affected_only('session_id')) }}
