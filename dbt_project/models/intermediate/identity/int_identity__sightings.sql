-- One row per visitor x local day x customer it was seen with (NULL: none): what a day's events say of who is who.

{% set affected %}
select visitor_id, event_date from {{ changes('stg_web__events') }}
{% endset %}
{{ config(
    materialized='keyed', key=['visitor_id', 'event_date'], affected=affected,
    cluster_by='event_date', logged=['visitor_id', 'customer_key'],
    bounds={'first_day': 'select min(event_date) from affected__int_identity__sightings'}
) }}

select
    visitor_id,
    event_date,
    customer_key,
    bool_or(consent_analytics) as has_consent,
    count(case when consent_analytics then 1 end) as seen_count,
    max(case when consent_analytics then occurred_at end) as last_seen_at
from {{ ref('stg_web__events') }}
where
    {{ affected_rows('stg_web__events', ['visitor_id', 'event_date']) }}
    and {{ not_before('event_date', 'first_day') }}
group by visitor_id, event_date, customer_key
