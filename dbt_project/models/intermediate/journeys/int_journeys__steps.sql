-- One row per contact of a journey, in its order.
--
-- A person's contacts and orders stand on one time line. It is cut after every order and where nothing happened for
-- longer than the inactivity limit. Of a stretch that ends in an order, contacts older than the look-back become a
-- journey of their own that bought nothing, so every contact belongs to exactly one journey, and one that was lost is
-- always one whose last contact no order followed in time. At the same instant contacts come before the order.
--
-- An order may also stand for a contact itself, as the last step of its journey. Placed in a visit without consent, it
-- carries that visit's channel, as a shop system would note it, while the visit stays unknown. And an order that no
-- contact led to came through the visit it was placed in (the contact of an earlier order), else through what its sales
-- channel stands for in seeds/sales_channel_contacts.csv.

{% set affected %}
with orders as (
    select order_id from {{ changes('int_web__session_orders') }}
    union
    select placed.order_id
    from {{ stored('int_web__session_orders') }} as placed
    inner join {{ changes('int_web__sessions') }} as sessions on placed.session_id = sessions.session_id
)
select person_id from {{ changes('int_journeys__touchpoints') }}
union all
select person_id from {{ changes('int_sales__conversions') }}
union all
select conversions.person_id
from {{ stored('int_sales__conversions') }} as conversions
inner join orders on conversions.order_id = orders.order_id
{% endset %}
{{ config(
    materialized='keyed', key=['journey_id', 'step_number'], affected=affected,
    cluster_by='touchpoint_date', scope=['person_id'],
    logged=['journey_id', 'person_id', 'conversion_id']
) }}

with touchpoints as (

    select *
    from {{ ref('int_journeys__touchpoints') }}
    where is_path_contact and {{ affected_only('person_id') }}

),

conversions as (

    select *
    from {{ ref('int_sales__conversions') }}
    where {{ affected_only('person_id') }}

),

timeline as (

    select
        person_id,
        person_bucket,
        {{ epoch_micros('occurred_at') }} as at_micros,
        0 as is_order,
        touchpoint_id as entry_id
    from touchpoints

    union all

    select
        person_id,
        person_bucket,
        {{ epoch_micros('converted_at') }} as at_micros,
        1 as is_order,
        conversion_id as entry_id
    from conversions

),

{{ journey_parts('person_id', var('inactivity_days'), var('lookback_days')) }},

contacts as (

    select
        person_id,
        person_bucket,
        entry_id as touchpoint_id,
        is_converted,
        case when is_converted then conversion_id end as conversion_id,
        first_value(entry_id) over part as first_touchpoint_id,
        row_number() over part as step_number
    from parts
    where is_order = 0
    window part as (partition by person_id, stretch_number, is_converted order by at_micros, entry_id)

),

-- The visit an order was placed in.
placed as (

    select
        orders.order_id,
        min_by(sessions.channel, orders.session_id) as channel,
        min_by(coalesce(sessions.campaign_id, ''), orders.session_id) as campaign_id,
        min_by(sessions.device_type, orders.session_id) as device_type,
        min_by(sessions.consent_analytics, orders.session_id) as has_consent
    from {{ ref('int_web__session_orders') }} as orders
    inner join {{ ref('int_web__sessions') }} as sessions on orders.session_id = sessions.session_id
    where orders.order_id in (select order_id from conversions)
    group by orders.order_id

),

contact_counts as (

    select
        conversion_id,
        count(*) as contacts
    from contacts
    where is_converted
    group by conversion_id

)

select
    case
        when contacts.is_converted then concat('order:', contacts.conversion_id)
        else concat('lost:', contacts.first_touchpoint_id)
    end as journey_id,
    contacts.step_number,
    contacts.person_id,
    contacts.person_bucket,
    contacts.conversion_id,
    touchpoints.touchpoint_id,
    touchpoints.occurred_at,
    touchpoints.touchpoint_date,
    touchpoints.touchpoint_type,
    touchpoints.channel,
    touchpoints.campaign_id,
    touchpoints.device_type,
    touchpoints.session_id
from contacts
inner join touchpoints on contacts.touchpoint_id = touchpoints.touchpoint_id

union all

select
    concat('order:', orders.conversion_id) as journey_id,
    1 + coalesce(contact_counts.contacts, 0) as step_number,
    orders.person_id,
    orders.person_bucket,
    orders.conversion_id,
    null as touchpoint_id,
    orders.converted_at as occurred_at,
    orders.conversion_date as touchpoint_date,
    null as touchpoint_type,
    coalesce(placed.channel, sales_channels.channel, 'other') as channel,
    nullif(placed.campaign_id, '') as campaign_id,
    placed.device_type,
    null as session_id
from conversions as orders
left join contact_counts on orders.conversion_id = contact_counts.conversion_id
left join placed on orders.order_id = placed.order_id
left join {{ ref('sales_channel_contacts') }} as sales_channels on orders.sales_channel = sales_channels.sales_channel
where contact_counts.conversion_id is null or not coalesce(placed.has_consent, true)
