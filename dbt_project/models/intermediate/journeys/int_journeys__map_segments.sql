-- One row per journey x segment of the map it belongs to: all, its device, new or returning.
--
-- A journey without a web visit has no device, so the device segments together hold fewer journeys than `all`.

{{ config(materialized='view') }}

select
    journey_id,
    'all' as segment
from {{ ref('int_journeys__journeys') }}

union all

select
    journey_id,
    concat('device=', device_type) as segment
from {{ ref('int_journeys__journeys') }}
where device_type is not null

union all

select
    journey_id,
    concat('visitor=', visitor_type) as segment
from {{ ref('int_journeys__journeys') }}
