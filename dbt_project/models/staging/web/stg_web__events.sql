-- One row per web event, latest delivery, with its local day, acquisition channel and how late it arrived.

{% set affected %}
{{ delivered_keys('web_events', stored('stg_web__events'), ['event_id']) }}
-- An older version may have gone from a delivery that is not the latest.
union all
select stored.event_id
from {{ stored('stg_web__events') }} as stored
inner join {{ changed_deliveries('web_events') }} as changed
    on changed.delivery_date between stored.first_delivery_date and stored.delivery_date
where stored.delivery_count > 1
union all
select stored.event_id
from {{ stored('stg_web__events') }} as stored
inner join {{ changes('stg_web__feed_pages') }} as pages
    on stored.feed = pages.feed and coalesce(stored.page_type, '') = pages.page_type
{% endset %}
{# All versions of an event that is stored came between its first and its latest delivery, or in a changed one. #}
{% set first_delivery %}
select least(
    (
        select min(stored.first_delivery_date) from {{ stored('stg_web__events') }} as stored
        inner join affected__stg_web__events as affected on stored.event_id = affected.event_id
    ),
    (select min(delivery_date) from {{ changed_deliveries('web_events') }} as changed)
)
{% endset %}
{% set first_day %}
select min(stored.event_date) from {{ stored('stg_web__events') }} as stored
inner join affected__stg_web__events as affected on stored.event_id = affected.event_id
{% endset %}
{{ config(
    materialized='keyed', key=['event_id'], affected=affected,
    scope_of_rows='existing.event_id = affected.event_id and existing.event_date >= ' ~ bound('first_day'),
    bounds={'first_delivery': first_delivery, 'first_day': first_day},
    logged=['event_id', 'visitor_id', 'event_date', 'occurred_at'],
    unlogged=['loaded_at', 'delivery_date', 'first_delivery_date', 'delivery_count']
) }}

-- Few events are delivered twice, so only their keys are looked at: a window over all rows would carry every column
-- through a sort.
with repeated as (

    select
        event_id,
        count(*) as delivery_count,
        min(_delivery_date) as first_delivery_date,
        max((_delivery_date, _source, _row_number)) as latest
    from {{ source('raw', 'web_events') }}
    where {{ affected_only('event_id') }} and {{ not_before('_delivery_date', 'first_delivery') }}
    group by event_id
    having count(*) > 1

),

deliveries as (

    select
        events.*,
        coalesce(repeated.delivery_count, 1) as delivery_count,
        coalesce(repeated.first_delivery_date, events._delivery_date) as first_delivery_date
    from {{ source('raw', 'web_events') }} as events
    left join repeated on events.event_id = repeated.event_id
    where
        {{ affected_only('events.event_id') }}
        and {{ not_before('events._delivery_date', 'first_delivery') }}
        and (
            repeated.event_id is null
            or (events._delivery_date, events._source, events._row_number) = repeated.latest
        )

),

cleaned as (

    select
        deliveries.*,
        {{ local_date('deliveries.occurred_at') }} as event_date,
        coalesce(upper(deliveries.currency), '{{ var("currency") }}') as money_currency,
        coalesce(lower(trim(deliveries.page_type)), '') as clean_page_type,
        {{ signal_columns('deliveries') }}
    from deliveries

),

channels as (

    {{ channels_of_signals('cleaned') }}

)

select
    cleaned.event_id,
    cleaned.occurred_at,
    cleaned.event_date,
    coalesce(names.standard_name, lower(cleaned.event_name)) as event_name,
    -- A page counts once: by its page_view where the feed sends page_view for this type of page, else by the event
    -- that shows it (view_item, search, ...).
    coalesce(
        lower(cleaned.event_name) = 'page_view' or (names.shows_page and not pages.has_page_view), false
    ) as is_pageview,
    coalesce(names.is_interaction, false) as is_interaction,
    cleaned.visitor_id,
    cleaned.customer_key,
    cleaned.session_id as source_session_id,
    cleaned.page_url,
    nullif(cleaned.clean_page_type, '') as page_type,
    cleaned.referrer_url,
    channels.channel,
    case when channels.channel is not null then {{ campaign_of('cleaned.utm_campaign') }} end as campaign_id,
    cleaned.utm_source,
    cleaned.utm_medium,
    cleaned.utm_campaign,
    cleaned.utm_content,
    cleaned.utm_term,
    cleaned.click_id,
    case
        when lower(cleaned.device_type) in ('desktop', 'mobile', 'tablet') then lower(cleaned.device_type)
        else 'other'
    end as device_type,
    upper(cleaned.country) as country,
    cleaned.product_id,
    cleaned.category,
    cleaned.search_term,
    cleaned.quantity,
    cleaned.value,
    cleaned.money_currency as currency,
    {{ converted('cleaned.value', 'rates.rate') }} as value_eur,
    cleaned.engaged_seconds,
    case
        when lower(cleaned.event_name) = 'purchase' then {{ json_text('cleaned.properties', 'transaction_id') }}
    end as order_id,
    cleaned.properties,
    coalesce(cleaned.user_agent_class = 'bot', false) as is_bot,
    coalesce(cleaned.consent_analytics, {{ var('consent_if_unknown') }}) as consent_analytics,
    coalesce(cleaned.consent_marketing, {{ var('consent_if_unknown') }}) as consent_marketing,
    cleaned.delivery_count,
    cleaned.first_delivery_date,
    case
        when cleaned.first_delivery_date = cast('1970-01-01' as date) then 0
        -- History delivered with the first file of a feed is a backfill, not late.
        when cleaned.event_date < pages.feed_started_on then 0
        else greatest({{ days_between('cleaned.event_date', 'cleaned.first_delivery_date') }}, 0)
    end as days_late,
    cleaned._source as feed,
    cleaned._delivery_date as delivery_date,
    cleaned._loaded_at as loaded_at
from cleaned
left join channels
    on
        cleaned.signal_source = channels.signal_source
        and cleaned.signal_medium = channels.signal_medium
        and cleaned.signal_click = channels.signal_click
        and cleaned.signal_host = channels.signal_host
left join {{ ref('stg_web__feed_pages') }} as pages
    on cleaned._source = pages.feed and cleaned.clean_page_type = pages.page_type
left join {{ ref('event_names') }} as names on lower(cleaned.event_name) = names.event_name
{{ join_rate('rates', 'cleaned.money_currency', 'cleaned.event_date') }}
