-- One row per visitor and timeout-long bucket of time: the visit it belongs to.
--
-- Two events inside one timeout-long bucket can never lie in different visits, so the events are first folded into
-- buckets (exact, and the sort then runs over far fewer rows). The gap is measured to the latest end of *all* earlier
-- buckets. Nothing is split at midnight, and the order of arrival plays no part.

{% set timeout_micros = var('session_timeout_seconds') * 1000000 %}

with events as (

    select
        events.visitor_id,
        events.consent_analytics,
        {{ epoch_micros('events.occurred_at') }} as at_micros
    from {{ ref('stg_web__events') }} as events
    left join {{ ref('int_web__bot_visitors') }} as bots on events.visitor_id = bots.visitor_id
    where bots.visitor_id is null and events.days_late <= {{ var('late_days') }}

),

buckets as (

    select
        visitor_id,
        at_micros - at_micros % {{ timeout_micros }} as bucket_micros,
        min(at_micros) as first_micros,
        max(at_micros) as last_micros,
        bool_or(consent_analytics) as has_consent
    from events
    group by visitor_id, at_micros - at_micros % {{ timeout_micros }}

),

gaps as (

    select
        *,
        first_micros - max(last_micros) over (
            partition by visitor_id order by bucket_micros rows between unbounded preceding and 1 preceding
        ) as gap_micros
    from buckets

),

visits as (

    select
        *,
        max(case when gap_micros <= {{ timeout_micros }} then null else first_micros end) over (
            partition by visitor_id order by bucket_micros rows between unbounded preceding and current row
        ) as started_micros
    from gaps

)

select
    visitor_id,
    bucket_micros,
    {{ hash_id(['visitor_id', 'started_micros']) }} as session_id,
    bool_or(has_consent) over (partition by visitor_id, started_micros) as consent_analytics
from visits
