-- One row per contact of a person with the company, online or offline.

{{ config(materialized='view') }}

select
    touchpoint_id,
    person_id,
    person_bucket,
    occurred_at,
    touchpoint_date,
    touchpoint_type,
    direction,
    channel,
    campaign_id,
    phase,
    device_type,
    session_id,
    store_id,
    cost_eur,
    is_path_contact
from {{ ref('int_journeys__touchpoints') }}
