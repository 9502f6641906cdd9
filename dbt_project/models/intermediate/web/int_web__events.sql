-- One row per human web event, with its visit.

{% set timeout_micros = var('session_timeout_seconds') * 1000000 %}
{% set by_campaign = var('new_visit_on_campaign', false) %}
{% set affected %}
select session_id from {{ changes('int_web__session_buckets') }}
union all
select buckets.session_id
from {{ changes('stg_web__events') }} as events
inner join {{ stored('int_web__session_buckets') }} as buckets
    on
        events.visitor_id = buckets.visitor_id
        and {{ epoch_micros('events.occurred_at') }} - {{ epoch_micros('events.occurred_at') }} % {{ timeout_micros }}
        = {{ 'buckets.bucket_micros - buckets.bucket_micros % ' ~ timeout_micros if by_campaign
            else 'buckets.bucket_micros' }}
{% endset %}
{% set first_day %}
select {{ day_before('min(bucket_micros)') }}
from (
    select bucket_micros from {{ changes('int_web__session_buckets') }}
    union all
    select buckets.bucket_micros
    from {{ stored('int_web__session_buckets') }} as buckets
    inner join affected__int_web__events as affected on buckets.session_id = affected.session_id
) as touched
{% endset %}
{# Visits by the month they began in: a visit is numbered as a whole, and the events of a month lie together. #}
{% set months %}
select
    min({{ utc_day('visit_bucket_micros') }}) as first_visit_day,
    max({{ utc_day('visit_bucket_micros') }}) as last_visit_day,
    {{ add_days('min(' ~ utc_day('visit_bucket_micros') ~ ')', -1) }} as first_event_day,
    {{ add_days('max(' ~ utc_day('bucket_micros') ~ ')', 1) }} as last_event_day
from {{ stored('int_web__session_buckets') }}
group by date_trunc('month', {{ utc_day('visit_bucket_micros') }})
order by first_visit_day
{% endset %}
{{ config(
    materialized='keyed', key=['event_id'], affected=affected, scope=['session_id'],
    scope_of_rows='existing.session_id = affected.session_id and existing.event_date >= ' ~ bound('first_day'),
    logged=['event_id', 'session_id', 'order_id', 'visit_day'], bounds={'first_day': first_day}, batches=months
) }}

{% set in_part_of_bucket -%}
    {{ epoch_micros('events.occurred_at') }} >= visits.bucket_micros
    and {{ epoch_micros('events.occurred_at') }} < coalesce(visits.next_bucket_micros, 9223372036854775807)
{%- endset %}

with events as (

    select
        *,
        {{ epoch_micros('occurred_at') }} - {{ epoch_micros('occurred_at') }} % {{ timeout_micros }} as bucket_micros
    from {{ ref('stg_web__events') }}
    where
        days_late <= {{ var('late_days') }}
        and {{ not_before('event_date', 'first_day') }}
        and {{ in_batch('event_date', 'first_event_day', 'last_event_day') }}

),

visits as (

    select *
    from {{ ref('int_web__session_buckets') }}
    where
        {{ affected_only('session_id') }}
        and {{ in_batch(utc_day('visit_bucket_micros'), 'first_visit_day', 'last_visit_day') }}

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
    events.consent_analytics,
    -- No event of the visit lies before it, whatever the time zone.
    {{ day_before('visits.visit_bucket_micros') }} as visit_day,
    row_number() over (partition by visits.session_id order by events.occurred_at, events.event_id) as event_number
from events
inner join visits
    on
        events.visitor_id = visits.visitor_id
        and events.bucket_micros = visits.bucket_micros - visits.bucket_micros % {{ timeout_micros }}
        and {{ in_part_of_bucket if by_campaign else 'true' }}
