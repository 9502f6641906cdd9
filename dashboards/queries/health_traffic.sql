select
    traffic_date, events, duplicate_events, bot_events, bot_event_share, declared_bot_events, fast_bot_events,
    no_consent_events, late_events, too_late_events
from marts.rpt_traffic_quality_daily
where traffic_date between $start::date and $end::date
order by traffic_date
