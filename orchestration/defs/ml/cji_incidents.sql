-- One row per day x phase model x phase x device x channel x visitor type of the last year: who entered, who got on.
-- Loyalty is left out: whether a buyer came back is known a season later.
select
    sums.known_on as day,
    sums.phase_model,
    sums.phase,
    sums.device_type as device,
    sums.channel,
    sums.visitor_type as visitor,
    sum(sums.visits_n) as visits,
    sum(sums.visits_sum) as progressed,
    sum(sums.margin_cents) / 100.0 as margin_eur
from intermediate.int_cji__daily_sums as sums
inner join seeds.cji_phases as phases on sums.phase_model = phases.phase_model and sums.phase = phases.phase
cross join intermediate.int_calendar__as_of as calendar
where
    phases.entry_rule in ('all_visits', 'events')
    and sums.visits_n > 0
    and sums.known_on between calendar.as_of_date - 364 and calendar.as_of_date
group by all
order by all
