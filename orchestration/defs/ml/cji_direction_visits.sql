-- A sample of the last year's visits per phase: the same visits day after day, so that answers do not flicker.
--
-- Where time and page views are averaged over visits that got on, the question is whether those went on to an order.
with candidates as (
    select
        phase_model,
        phase,
        session_id,
        person_bucket,
        phase_seconds as seconds,
        page_views,
        case when averages_progressed_only then is_converted else is_progressed end as is_outcome,
        session_date
    from intermediate.int_cji__visit_phases
    where
        is_entered
        and phase_seconds is not null
        and page_views is not null
        and (is_progressed or not averages_progressed_only)
        and session_date > (select as_of_date - 364 from intermediate.int_calendar__as_of)
),

sizes as (
    select
        phase_model,
        phase,
        count(*) as visits
    from candidates
    group by phase_model, phase
)

select
    candidates.phase_model,
    candidates.phase,
    candidates.person_bucket,
    candidates.seconds,
    candidates.page_views,
    candidates.is_outcome,
    candidates.session_date
from candidates
inner join sizes on candidates.phase_model = sizes.phase_model and candidates.phase = sizes.phase
where (hash(candidates.session_id) % 1000000) * sizes.visits < 1000000.0 * $sample_size
