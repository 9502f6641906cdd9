-- What the seed says about time and page views, with the outcome each is tested against.
unpivot (
    select
        weights.phase_model,
        weights.phase,
        case when phases.averages_over = 'progressed' then 'order' else 'progress' end as outcome,
        weights.time_direction as time,
        weights.pageviews_direction as pageviews
    from seeds.cji_weights as weights
    inner join seeds.cji_phases as phases
        on weights.phase_model = phases.phase_model and weights.phase = phases.phase
)
on time, pageviews into name parameter value direction
order by phase_model, phase, parameter
