-- Indexes that moved within a week by 5 points and by 3 times what weeks usually move them, and what moved them most.
--
-- ln(index) is a weighted sum of ln(u) over phases and parameters, so the change falls into parts that add up.
with changes as (
    select
        now.snapshot_date,
        now.phase_model,
        now.segment,
        now.cji,
        before.cji as cji_before,
        now.cji - before.cji as change,
        max(now.snapshot_date) over (partition by now.phase_model) as last_day
    from marts.fct_cji as now
    inner join marts.fct_cji as before
        on
            now.phase_model = before.phase_model
            and now.segment = before.segment
            and now.snapshot_date = before.snapshot_date + 7
    where now.cji is not null and before.cji is not null
),

usual as (
    select
        phase_model,
        segment,
        1.4826 * mad(change) filter (where snapshot_date < last_day) as spread
    from changes
    where snapshot_date >= last_day - 182
    group by phase_model, segment
),

jumps as (
    select changes.*
    from changes
    left join usual using (phase_model, segment)
    where changes.snapshot_date = changes.last_day and abs(changes.change) >= greatest(5, 3 * coalesce(usual.spread, 0))
),

indexes as (
    unpivot (
        select
            phases.snapshot_date,
            phases.phase_model,
            phases.segment,
            phases.phase,
            phases.time_index as time,
            phases.pageviews_index as pageviews,
            phases.visits_index as visits,
            phases.comeback_index as comeback,
            phases.breadth_index as breadth
        from marts.fct_cji_phases as phases
        semi join jumps
            on
                phases.phase_model = jumps.phase_model
                and phases.segment = jumps.segment
                and phases.snapshot_date in (jumps.snapshot_date, jumps.snapshot_date - 7)
        where phases.score is not null
    )
    on time, pageviews, visits, comeback, breadth into name parameter value parameter_index
),

weights as (
    unpivot (
        select
            phase_model,
            phase,
            phase_weight,
            cast(time_weight as double) as time,
            cast(pageviews_weight as double) as pageviews,
            cast(visits_weight as double) as visits,
            cast(comeback_weight as double) as comeback,
            cast(breadth_weight as double) as breadth
        from intermediate.int_cji__weights
    )
    on time, pageviews, visits, comeback, breadth into name parameter value weight
),

parts as (
    select
        indexes.*,
        weights.phase_weight
        * weights.weight / sum(weights.weight) over (partition by snapshot_date, phase_model, segment, phase)
            as share,
        ln(parameter_index / 100) as log_index
    from indexes
    inner join weights using (phase_model, phase, parameter)
    where weights.weight > 0 and weights.phase_weight > 0
),

weighted as (
    select
        * exclude (share),
        share / sum(share) over (partition by snapshot_date, phase_model, segment) * log_index as part
    from parts
),

moved as (
    select
        jumps.phase_model,
        jumps.segment,
        jumps.snapshot_date,
        jumps.cji_before,
        jumps.cji,
        weighted.phase,
        weighted.parameter,
        max(weighted.parameter_index) filter (where weighted.snapshot_date < jumps.snapshot_date) as index_before,
        max(weighted.parameter_index) filter (where weighted.snapshot_date = jumps.snapshot_date) as index_now,
        sum(case when weighted.snapshot_date = jumps.snapshot_date then weighted.part else -weighted.part end)
        / nullif(ln(jumps.cji / jumps.cji_before), 0) as share_of_change
    from jumps
    inner join weighted using (phase_model, segment)
    group by
        jumps.phase_model,
        jumps.segment,
        jumps.snapshot_date,
        jumps.cji_before,
        jumps.cji,
        weighted.phase,
        weighted.parameter
)

select *
from moved
qualify row_number() over (partition by phase_model, segment order by share_of_change desc, phase, parameter) = 1
order by phase_model, segment <> 'all', abs(cji - cji_before) desc
