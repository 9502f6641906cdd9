-- One row per journey: the contacts of a person up to an order, or up to the inactivity cut.
--
-- A journey that has not bought and whose last contact is younger than the inactivity limit may still go on: it is
-- counted as not converted and marked open. The device is that of the last visit, none where all contacts were offline.

{% set affected %}
select person_id from {{ changes('int_journeys__steps') }}
union all
select person_id from {{ changes('int_sales__conversions') }}
union all
-- A lost journey closes on the day its last contact is older than the limit.
select journeys.person_id
from {{ stored('int_journeys__journeys') }} as journeys
cross join {{ stored('int_calendar__as_of') }} as calendar
where
    journeys.conversion_id is null
    and journeys.is_open
    <> ({{ days_between('journeys.end_date', 'calendar.as_of_date') }} <= {{ var('inactivity_days') }})
{% endset %}
{{ config(
    materialized='keyed', key=['journey_id'], affected=affected, cluster_by='end_date', scope=['person_id'],
    logged=['journey_id', 'end_date', 'person_bucket'], unlogged_inputs=['int_calendar__as_of']
) }}

with journeys as (

    select
        journey_id,
        person_id,
        person_bucket,
        conversion_id,
        min(occurred_at) as started_at,
        max(occurred_at) as last_contact_at,
        max(touchpoint_date) as last_contact_date,
        {{ ordered_list('channel', ['step_number']) }} as path,
        {{ ordered_list("coalesce(campaign_id, '')", ['step_number']) }} as campaign_path,
        count(touchpoint_id) as touchpoint_count,
        count(case when touchpoint_type = 'visit' then 1 end) as visit_count,
        max_by(device_type, case when device_type is not null then step_number end) as device_type
    from {{ ref('int_journeys__steps') }}
    where {{ affected_only('person_id') }}
    group by journey_id, person_id, person_bucket, conversion_id

)

select
    journeys.journey_id,
    journeys.person_id,
    journeys.person_bucket,
    journeys.started_at,
    coalesce(orders.converted_at, journeys.last_contact_at) as ended_at,
    coalesce(orders.conversion_date, journeys.last_contact_date) as end_date,
    journeys.conversion_id is not null as is_converted,
    journeys.conversion_id is null
    and {{ days_between('journeys.last_contact_date', as_of_date()) }} <= {{ var('inactivity_days') }} as is_open,
    journeys.conversion_id,
    journeys.path,
    journeys.campaign_path,
    journeys.touchpoint_count,
    journeys.visit_count,
    cast(
        {{ epoch_seconds('coalesce(orders.converted_at, journeys.last_contact_at)') }}
        - {{ epoch_seconds('journeys.started_at') }} as double
    ) as duration_seconds,
    journeys.device_type,
    case
        when
            row_number() over (partition by journeys.person_id order by journeys.started_at, journeys.journey_id) = 1
            then 'new'
        else 'returning'
    end as visitor_type,
    coalesce(orders.revenue_eur, 0) as revenue_eur,
    case when journeys.conversion_id is null then 0 else orders.margin_eur end as margin_eur
from journeys
left join {{ ref('int_sales__conversions') }} as orders on journeys.conversion_id = orders.conversion_id
