-- Phases that have all but vanished: an event that was renamed or is no longer sent, not a bad month.
with counted as (
    select
        phases.phase_model,
        phases.phase,
        phases.snapshot_date,
        phases.visits,
        max(phases.snapshot_date) over (partition by phases.phase_model) as last_day
    from marts.fct_cji_phases as phases
    inner join intermediate.int_cji__weights as weights
        on phases.phase_model = weights.phase_model and phases.phase = weights.phase
    where phases.segment = 'all' and weights.phase_weight > 0
)

select
    phase_model,
    phase,
    last_day,
    -- A phase without a single visit has no row.
    coalesce(max(visits) filter (where snapshot_date = last_day), 0) as visits,
    median(visits) filter (where snapshot_date < last_day and snapshot_date >= last_day - 364) as usual_visits
from counted
group by phase_model, phase, last_day
having usual_visits >= 100 and coalesce(max(visits) filter (where snapshot_date = last_day), 0) < usual_visits / 10
order by phase_model, phase
