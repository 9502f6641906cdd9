-- One row per human web event, with its visit and its person.
--
-- A visit without consent to analytics is a person of its own: it is counted, but joined to no other visit.

{% set timeout_micros = var('session_timeout_seconds') * 1000000 %}

with events as (

    select
        *,
        {{ epoch_micros('occurred_at') }} - {{ epoch_micros('occurred_at') }} % {{ timeout_micros }} as bucket_micros
    from {{ ref('stg_web__events') }}
    where days_late <= {{ var('late_days') }}

),

visits as (

    select
        buckets.visitor_id,
        buckets.bucket_micros,
        buckets.session_id,
        buckets.consent_analytics,
        case
            when buckets.consent_analytics then visitors.person_id
            else {{ hash_id(["'visit'", "buckets.session_id"]) }}
        end as person_id
    from {{ ref('int_web__session_buckets') }} as buckets
    inner join {{ ref('int_identity__visitors') }} as visitors on buckets.visitor_id = visitors.visitor_id

)

select
    events.event_id,
    events.visitor_id,
    visits.session_id,
    visits.person_id,
    {{ bucket_of('visits.person_id') }} as person_bucket,
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
