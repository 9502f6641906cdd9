-- One row per person who may be addressed: the phase it stands in.
--
-- The deepest phase of the latest visit of the last 30 days; whoever bought since stands behind the purchase.
with latest as (
    select
        visits.person_id,
        visits.started_at,
        visits.is_converted,
        max(cast(moves.stage as bigint)) as phase
    from intermediate.int_customers__visits as visits
    inner join intermediate.int_customers__stage_moves as moves on visits.session_id = moves.session_id
    cross join intermediate.int_calendar__as_of as calendar
    where visits.session_date > calendar.as_of_date - 30
    group by visits.person_id, visits.session_id, visits.started_at, visits.is_converted
    qualify row_number() over (partition by visits.person_id order by visits.started_at desc, visits.session_id) = 1
),

orders as (
    select
        person_id,
        max(converted_at) as last_order_at
    from intermediate.int_sales__conversions
    group by person_id
)

select
    consents.person_id,
    case
        when latest.is_converted or orders.last_order_at >= coalesce(latest.started_at, calendar.as_of_date - 90) then 6
        else coalesce(latest.phase, 1)
    end as phase
from intermediate.int_customers__consents as consents
left join latest on consents.person_id = latest.person_id
left join orders on consents.person_id = orders.person_id
cross join intermediate.int_calendar__as_of as calendar
where consents.allows_campaigns and (latest.person_id is not null or orders.person_id is not null)
order by consents.person_id
