-- One row per human visit: what its events say, before anyone asks whose visit it was.

{% set affected %}
select session_id from {{ changes('int_web__events') }}
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected,
    cluster_by='session_date', logged=['session_id', 'visitor_id'],
    unlogged_inputs=['int_cji__event_phases'],
    bounds={'first_day': 'select min(visit_day) from ' ~ changes('int_web__events')}
) }}

with events as (

    select *
    from {{ ref('int_web__events') }}
    where {{ affected_only('session_id') }} and {{ not_before('event_date', 'first_day') }}

),

phases as (

    select
        events.session_id,
        max(phases.phase) as phase
    from events
    inner join {{ ref('int_cji__event_phases') }} as phases
        on
            phases.phase_model = 'journey6'
            and events.event_name = phases.event_name
            and coalesce(events.page_type, '') = phases.page_type
    group by events.session_id

),

visits as (

    select
        session_id,
        visitor_id,
        -- One event with consent speaks for the visit.
        bool_or(consent_analytics) as consent_analytics,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        min(event_date) as session_date,
        min_by(device_type, event_number) as device_type,
        min_by(country, event_number) filter (where country is not null) as country,
        min_by(channel, event_number) filter (where channel is not null) as channel,
        min_by(coalesce(campaign_id, ''), event_number) filter (where channel is not null) as campaign_id,
        min_by(page_type, event_number) filter (where page_type is not null) as landing_page_type,
        max_by(page_type, event_number) filter (where page_type is not null) as exit_page_type,
        count(*) as event_count,
        count(*) filter (where is_pageview) as pageview_count,
        count(*) filter (where is_interaction) as interaction_count,
        count(*) filter (where event_name = 'purchase' and order_id is null) as anonymous_purchase_count,
        sum(value_eur) filter (where event_name = 'purchase' and order_id is null) as anonymous_revenue_eur,
        bool_or(coalesce(event_name = 'view_item' or page_type = 'product', false)) as has_product_view,
        bool_or(event_name = 'add_to_cart') as has_add_to_cart,
        bool_or(coalesce(
            event_name in ('begin_checkout', 'add_shipping_info', 'add_payment_info') or page_type = 'checkout', false
        )) as has_checkout
    from events
    group by session_id, visitor_id

)

select
    visits.*,
    phases.phase
from visits
left join phases on visits.session_id = phases.session_id
