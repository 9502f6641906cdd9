-- One row per human visit.

{{ config(materialized='view') }}

select
    session_id,
    visitor_id,
    person_id,
    person_bucket,
    started_at,
    ended_at,
    session_date,
    device_type,
    channel,
    campaign_id,
    country,
    visitor_type,
    landing_page_type,
    exit_page_type,
    event_count,
    pageview_count,
    duration_seconds,
    is_bounce,
    has_product_view,
    has_add_to_cart,
    has_checkout,
    is_converted,
    order_id,
    revenue_eur,
    consent_analytics
from {{ ref('int_web__sessions') }}
