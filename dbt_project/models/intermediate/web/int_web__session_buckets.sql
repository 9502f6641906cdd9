-- One row per visitor and timeout-long bucket of time: the visit it belongs to.
--
-- Two events inside one timeout-long bucket can never lie in different visits, so the events are first folded into
-- buckets (exact, and the sort then runs over far fewer rows). Buckets of one visitor do not overlap, so the latest
-- event before a bucket is the last one of the bucket before it. Nothing is split at midnight, and the order of arrival
-- plays no part.
--
-- A changed event can only change visits from the one that last began at or before it: from there the visitor's
-- buckets are derived anew. A visitor found to be a machine, or not to be one, is derived anew from its beginning.
--
-- With the variable new_visit_on_campaign a signal of another channel or campaign than the visitor's last one begins a
-- visit too. It may cut a bucket in two; the second part then begins at the signal. What signal was the last is asked
-- of the whole history, so a visitor is derived anew from its beginning.

{% set timeout_micros = var('session_timeout_seconds') * 1000000 %}
{% set by_campaign = var('new_visit_on_campaign', false) %}
{% set bucket_start = 'at_micros - at_micros % ' ~ timeout_micros %}
{% if by_campaign %}{% set bucket_start = 'greatest(' ~ bucket_start ~ ', coalesce(turn_micros, 0))' %}{% endif %}
{% set affected %}
select
    touched.visitor_id,
    {{ 0 if by_campaign else 'coalesce(least(touched.from_micros, max(stored.visit_bucket_micros)), touched.from_micros)' }}
        as from_micros
from (
    select visitor_id, min(from_micros) as from_micros
    from (
        select visitor_id, {{ epoch_micros('occurred_at') }} - {{ epoch_micros('occurred_at') }} % {{ timeout_micros }}
            as from_micros
        from {{ changes('stg_web__events') }}
        union all
        select visitor_id, 0 as from_micros from {{ changes('int_web__bot_visitors') }}
    ) as changed
    group by visitor_id
) as touched
left join {{ stored('int_web__session_buckets') }} as stored
    on touched.visitor_id = stored.visitor_id and stored.bucket_micros <= touched.from_micros
group by touched.visitor_id, touched.from_micros
{% endset %}
{% set first_day %}
select {{ day_before('min(affected.from_micros)') }}
from affected__int_web__session_buckets as affected
left join {{ stored('int_web__bot_visitors') }} as bots on affected.visitor_id = bots.visitor_id
where bots.visitor_id is null
{% endset %}
{{ config(
    materialized='keyed', key=['visitor_id', 'bucket_micros'], affected=affected, scope=['visitor_id', 'from_micros'],
    scope_of_rows='existing.visitor_id = affected.visitor_id and existing.bucket_micros >= affected.from_micros',
    logged=['visitor_id', 'bucket_micros', 'session_id'], bounds={'first_day': first_day}
) }}

{% set follows = '<= ' ~ timeout_micros ~ (' and not is_turn' if by_campaign else '') %}

with events as (

    select
        events.visitor_id,
        {% if by_campaign -%}
        case when events.channel is not null then concat(events.channel, ':', coalesce(events.campaign_id, '')) end
            as signal,
        {% endif -%}
        {{ epoch_micros('events.occurred_at') }} as at_micros
    from {{ ref('stg_web__events') }} as events
    left join {{ ref('int_web__bot_visitors') }} as bots on events.visitor_id = bots.visitor_id
    {% if is_partial() %}
    inner join affected__int_web__session_buckets as affected
        on
            events.visitor_id = affected.visitor_id
            and {{ epoch_micros('events.occurred_at') }} >= affected.from_micros
            and events.event_date >= {{ bound('first_day') }}
    {% endif %}
    where bots.visitor_id is null and events.days_late <= {{ var('late_days') }}

),

{% if by_campaign -%}
-- Two signals of the same instant are one: the last in their alphabet.
signals as (

    select
        visitor_id,
        at_micros,
        max(signal) as signal
    from events
    where signal is not null
    group by visitor_id, at_micros

),

turns as (

    select
        visitor_id,
        at_micros
    from signals
    qualify signal <> lag(signal) over (partition by visitor_id order by at_micros)

),

cut as (

    select
        events.*,
        max(turns.at_micros) over (
            partition by events.visitor_id order by events.at_micros
            range between unbounded preceding and current row
        ) as turn_micros
    from events
    left join turns on events.visitor_id = turns.visitor_id and events.at_micros = turns.at_micros

),

{% endif -%}
buckets as (

    select
        visitor_id,
        {{ bucket_start }} as bucket_micros,
        {% if by_campaign -%}
        bool_or(coalesce(at_micros = turn_micros, false)) as is_turn,
        {% endif -%}
        min(at_micros) as first_micros,
        max(at_micros) as last_micros
    from {{ 'cut' if by_campaign else 'events' }}
    group by 1, 2

),

starts as (

    select
        visitor_id,
        bucket_micros,
        case
            when
                first_micros - lag(last_micros) over (partition by visitor_id order by bucket_micros) {{ follows }}
                then null
            else first_micros
        end as start_micros
    from buckets

),

visits as (

    select
        visitor_id,
        bucket_micros,
        {% if by_campaign -%}
        lead(bucket_micros) over (partition by visitor_id order by bucket_micros) as next_bucket_micros,
        {% endif -%}
        max(start_micros) over (
            partition by visitor_id order by bucket_micros rows between unbounded preceding and current row
        ) as started_micros
    from starts

)

select
    visitor_id,
    bucket_micros,
    started_micros - started_micros % {{ timeout_micros }} as visit_bucket_micros,
    {% if by_campaign -%}
    next_bucket_micros,
    {% endif -%}
    {{ hash_id(['visitor_id', 'started_micros']) }} as session_id
from visits
