-- One row per human visit of somebody who may be scored, with what was known of the person when it began.
--
-- Visits without consent to analytics, and those of customers who object, are left out here, so that no score or model
-- further up can hold them.

with visits as (

    select
        visits.*,
        {{ epoch_micros('visits.started_at') }} as started_micros
    from {{ ref('int_web__sessions') }} as visits
    left join {{ ref('int_customers__consents') }} as consents on visits.person_id = consents.person_id
    where visits.consent_analytics and coalesce(consents.allows_scores, true)

),

orders as (

    select
        person_id,
        order_id,
        converted_at,
        {{ epoch_micros('converted_at') }} as converted_micros
    from {{ ref('int_sales__conversions') }}
    where person_id in (select person_id from visits)

),

-- Visits and orders of a person on one line of time; what lies before a visit began is its history.
line as (

    select
        person_id,
        session_id,
        started_micros as micros,
        started_micros as visit_micros,
        cast(null as bigint) as order_micros,
        1 as visits,
        0 as orders
    from visits
    union all
    select
        person_id,
        null as session_id,
        converted_micros as micros,
        null as visit_micros,
        converted_micros as order_micros,
        0 as visits,
        1 as orders
    from orders

),

histories as (

    select
        session_id,
        sum(visits) over history as earlier_visits,
        sum(orders) over history as earlier_orders,
        max(visit_micros) over history as last_visit_micros,
        max(order_micros) over history as last_order_micros
    from line
    window history as (partition by person_id order by micros range between unbounded preceding and 1 preceding)

)

select
    visits.session_id,
    visits.visitor_id,
    visits.person_id,
    visits.person_bucket,
    visits.started_at,
    visits.session_date,
    visits.device_type,
    visits.channel,
    visits.is_converted,
    cast(coalesce(histories.earlier_visits, 0) as bigint) as earlier_visits,
    cast(coalesce(histories.earlier_orders, 0) as bigint) as earlier_orders,
    (visits.started_micros - histories.last_visit_micros) / 86400000000.0 as days_since_visit,
    (visits.started_micros - histories.last_order_micros) / 86400000000.0 as days_since_order,
    make_timestamp(greatest(histories.last_visit_micros, histories.last_order_micros)) as history_known_at
from visits
left join histories on visits.session_id = histories.session_id
