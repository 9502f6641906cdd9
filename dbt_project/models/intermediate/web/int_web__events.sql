-- One row per human web event, with its visit.

{% set timeout_micros = var('session_timeout_seconds') * 1000000 %}
{% set affected %}
select session_id from {{ changes('int_web__session_buckets') }}
union all
select buckets.session_id
from {{ changes('stg_web__events') }} as events
inner join {{ stored('int_web__session_buckets') }} as buckets
    on
        events.visitor_id = buckets.visitor_id
        and {{ epoch_micros('events.occurred_at') }} - {{ epoch_micros('events.occurred_at') }} % {{ timeout_micros }}
        = buckets.bucket_micros
{% endset %}
{% set first_day %}
select {{ day_before('min(buckets.bucket_micros)') }}
from {{ stored('int_web__session_buckets') }} as buckets
inner join affected__int_web__events as affected on buckets.session_id = affected.session_id
{% endset %}
{{ config(
    materialized='keyed', key=['event_id'], affected=affected, scope=['session_id'],
    logged=['event_id', 'session_id', 'order_id'], bounds={'first_day': first_day}
) }}

with events as (

    select
        *,
        {{ epoch_micros('occurred_at') }} - {{ epoch_micros('occurred_at') }} % {{ timeout_micros }} as bucket_micros
    from {{ ref('stg_web__events') }}
    where days_late <= {{ var('late_days') }} and {{ not_before('event_date', 'first_day') }}

),

visits as (

    select *
    from {{ ref('int_web__session_buckets') }}
    where {{ affected_only('session_id') }}

)

select
    events.event_id,
    events.visitor_id,
    visits.session_id,
    events.occurred_at,
    events.event_date,
    events.event_name,
    events.page_type,
    events.product_id,
    events.category,
    events.search_term,
    events.channel,
    events.campaign_id,
    events.device_type,
    events.country,
    events.engaged_seconds,
    events.value_eur,
    events.order_id,
    events.is_pageview,
    events.is_interaction,
    visits.consent_analytics,
    row_number() over (partition by visits.session_id order by events.occurred_at, events.event_id) as event_number
from events
inner join visits on events.visitor_id = visits.visitor_id and events.bucket_micros = visits.bucket_micros
