-- One row per journey: the contacts of a person up to an order, or up to the inactivity cut.

{{ config(materialized='view') }}

select
    journey_id,
    person_id,
    person_bucket,
    started_at,
    ended_at,
    end_date,
    is_converted,
    is_open,
    conversion_id,
    path,
    campaign_path,
    touchpoint_count,
    visit_count,
    duration_seconds,
    device_type,
    visitor_type,
    cast(revenue_eur as decimal(18, 2)) as revenue_eur,
    cast(margin_eur as decimal(18, 2)) as margin_eur
from {{ ref('int_journeys__journeys') }}
