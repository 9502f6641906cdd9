-- One row per human visit: events of a visitor with no gap over the session timeout.

with visits as (

    select
        session_id,
        visitor_id,
        person_id,
        person_bucket,
        consent_analytics,
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
    from {{ ref('int_web__events') }}
    group by session_id, visitor_id, person_id, person_bucket, consent_analytics

),

orders as (

    select
        session_id,
        min_by(order_id, ordered_at) filter (where not is_test) as order_id,
        count(*) filter (where not is_test) as order_count,
        sum(revenue_eur) filter (where not is_test) as revenue_eur
    from {{ ref('int_web__session_orders') }}
    group by session_id

)

select
    visits.session_id,
    visits.visitor_id,
    visits.person_id,
    visits.person_bucket,
    visits.started_at,
    visits.ended_at,
    visits.session_date,
    visits.device_type,
    coalesce(visits.channel, 'direct') as channel,
    nullif(visits.campaign_id, '') as campaign_id,
    visits.country,
    case
        when row_number() over (partition by visits.person_id order by visits.started_at, visits.session_id) = 1
            then 'new'
        else 'returning'
    end as visitor_type,
    visits.landing_page_type,
    visits.exit_page_type,
    visits.event_count,
    visits.pageview_count,
    cast({{ epoch_seconds('visits.ended_at') }} - {{ epoch_seconds('visits.started_at') }} as double)
        as duration_seconds,
    visits.pageview_count <= 1 and visits.interaction_count = 0 as is_bounce,
    visits.has_product_view,
    visits.has_add_to_cart,
    visits.has_checkout,
    -- Test orders are no conversions; a purchase without any order id still is one.
    coalesce(orders.order_count > 0, visits.anonymous_purchase_count > 0) as is_converted,
    orders.order_id,
    cast(
        case
            when orders.session_id is not null then coalesce(orders.revenue_eur, 0)
            else coalesce(visits.anonymous_revenue_eur, 0)
        end as decimal(18, 2)
    ) as revenue_eur,
    visits.consent_analytics
from visits
left join orders on visits.session_id = orders.session_id
