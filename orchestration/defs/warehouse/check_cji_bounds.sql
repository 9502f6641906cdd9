-- Indexes and scores that contradict themselves: out of bounds, out of their interval, or not the mean of their phases.
with means as (
    select
        phases.snapshot_date,
        phases.phase_model,
        phases.segment,
        count(phases.score) filter (where weights.phase_weight > 0) as scored,
        100 * exp(
            sum(weights.phase_weight * ln(phases.score / 100)) filter (where phases.score is not null)
            / nullif(sum(weights.phase_weight) filter (where phases.score is not null), 0)
        ) as mean
    from marts.fct_cji_phases as phases
    inner join intermediate.int_cji__weights as weights
        on phases.phase_model = weights.phase_model and phases.phase = weights.phase
    group by all
)

select
    indexes.snapshot_date,
    indexes.phase_model,
    indexes.segment,
    cast(null as bigint) as phase,
    indexes.cji as value,
    indexes.cji_low as low,
    indexes.cji_high as high,
    means.mean as expected
from marts.fct_cji as indexes
left join means using (snapshot_date, phase_model, segment)
where
    not coalesce(indexes.cji between 0 and 100, true)
    or not coalesce(indexes.cji between indexes.cji_low and indexes.cji_high, indexes.cji is null)
    or (indexes.cji is null) <> (coalesce(means.scored, 0) < 4)
    or abs(indexes.cji - means.mean) > 0.01

union all

select
    snapshot_date,
    phase_model,
    segment,
    phase,
    score as value,
    score_low as low,
    score_high as high,
    null as expected
from marts.fct_cji_phases
where
    not coalesce(score between 0 and 100, true)
    or not coalesce(score between score_low and score_high, score is null)
