-- Incidents that the visits of their days do not bear out. Where two of a phase overlap, the second one was found as if
-- the first had not been, so only its visits can be compared.
with incidents as (
    select
        *,
        row_number() over (order by phase_model, phase, segment, first_day) as incident
    from ml.cji_incidents
),

met as (
    select distinct one.incident
    from incidents as one
    inner join incidents as other
        on
            one.incident <> other.incident
            and one.phase_model = other.phase_model
            and one.phase = other.phase
            and one.first_day <= other.last_day
            and other.first_day <= one.last_day
)

select
    incidents.phase_model,
    incidents.phase,
    incidents.segment,
    incidents.first_day,
    incidents.visits,
    sum(sums.visits_n) as visits_found,
    sum(sums.visits_sum) as progressed_found
from incidents
left join met on incidents.incident = met.incident
left join intermediate.int_cji__daily_sums as sums
    on
        incidents.phase_model = sums.phase_model
        and incidents.phase = sums.phase
        and sums.known_on between incidents.first_day and incidents.last_day
        and (
            incidents.segment = 'all'
            or incidents.segment in (
                'device=' || sums.device_type, 'channel=' || sums.channel, 'visitor=' || sums.visitor_type
            )
        )
group by
    incidents.incident, incidents.phase_model, incidents.phase, incidents.segment, incidents.first_day,
    incidents.visits, incidents.progress_share, incidents.normal_share, met.incident
having
    incidents.visits <> coalesce(sum(sums.visits_n), 0)
    or (
        met.incident is null
        and not coalesce(round(incidents.progress_share * incidents.visits) = sum(sums.visits_sum), false)
    )
    or not coalesce(incidents.progress_share < incidents.normal_share, false)
