-- One row per visit x trigger that fired in it, first time; several campaigns may answer one visit.

select
    events.session_id,
    triggers.trigger,
    visits.person_id,
    visits.person_bucket,
    visits.session_date,
    visits.is_converted,
    min(events.occurred_at) as fired_at
from {{ ref('int_web__events') }} as events
inner join {{ ref('int_customers__visits') }} as visits on events.session_id = visits.session_id
inner join {{ ref('campaign_triggers') }} as triggers
    on
        events.event_name = triggers.event_name
        and (triggers.page_type = '*' or events.page_type = triggers.page_type)
group by
    events.session_id, triggers.trigger, visits.person_id, visits.person_bucket, visits.session_date,
    visits.is_converted
