-- One row per snapshot day x phase model x segment: the index, its interval and the phase that holds it down.
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model'] %}

with phases as (

    select
        scores.*,
        rules.entry_rule = 'all_visits' and scores.phase = 1 as is_everything
    from {{ ref('int_cji__phase_scores') }} as scores
    inner join {{ ref('cji_phases') }} as rules
        on scores.phase_model = rules.phase_model and scores.phase = rules.phase

),

totals as (

    select
        {{ grain | join(', ') }},
        segment_kind,
        coalesce(max(case when is_everything then visits_n end), 0) as visits,
        max(case when is_everything then orders_sum end) as orders,
        count(log_score) filter (where phase_weight > 0) as phases_scored,
        sum(phase_weight * log_score) as weighted_log,
        sum(phase_weight) filter (where log_score is not null) as weight,
        min_by(phase, log_score) filter (where phase_weight > 0 and log_score is not null) as weakest_phase
    from phases
    group by {{ grain | join(', ') }}, segment_kind

),

-- A bucket moves several phases at once, so its effect on the index is taken as a whole.
bucket_changes as (

    select
        {%- for column in grain %}
        replicates.{{ column }},
        {%- endfor %}
        replicates.person_bucket,
        sum(weights.phase_weight * replicates.log_score_change) as weighted_change
    from {{ ref('int_cji__replicates') }} as replicates
    inner join {{ ref('cji_weights') }} as weights
        on replicates.phase_model = weights.phase_model and replicates.phase = weights.phase
    group by
        {%- for column in grain %}
        replicates.{{ column }},
        {%- endfor %}
        replicates.person_bucket

),

spreads as (

    select
        {%- for column in grain %}
        totals.{{ column }},
        {%- endfor %}
        100.0 * sqrt(
            sum(power(
                exp((totals.weighted_log + changes.weighted_change) / totals.weight)
                - exp(totals.weighted_log / totals.weight), 2
            )) * {{ cji_buckets() - 1 }} / {{ cji_buckets() }}.0
        ) as cji_se
    from totals
    inner join bucket_changes as changes
        on
            {%- for column in grain %}
            totals.{{ column }} = changes.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    where totals.phases_scored >= 4
    group by
        {%- for column in grain %}
        totals.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

),

snapshots as (

    select distinct snapshot_date from {{ ref('int_cji__snapshots') }}

),

traffic as (

    select
        snapshots.snapshot_date,
        sum(quality.bot_events) / nullif(sum(quality.events), 0) as bot_share
    from snapshots
    inner join {{ ref('rpt_traffic_quality_daily') }} as quality
        on
            snapshots.snapshot_date >= quality.traffic_date
            and quality.traffic_date > {{ add_days('snapshots.snapshot_date', -cji_window_days()) }}
    group by snapshots.snapshot_date

),

indexed as (

    select
        totals.*,
        case when totals.phases_scored >= 4 then 100.0 * exp(totals.weighted_log / totals.weight) end as cji
    from totals

)

select
    indexed.snapshot_date,
    indexed.phase_model,
    indexed.segment,
    indexed.segment_kind,
    {{ cji_segment_columns('indexed.segment') }},
    cast(indexed.visits as bigint) as visits,
    indexed.phases_scored,
    round(indexed.cji, 4) as cji,
    round({{ at_least('indexed.cji - 1.96 * spreads.cji_se', '0.0') }}, 4) as cji_low,
    round({{ clipped('indexed.cji + 1.96 * spreads.cji_se', '0.0', '100.0') }}, 4) as cji_high,
    cast(indexed.weakest_phase as bigint) as weakest_phase,
    round(indexed.orders / nullif(indexed.visits, 0), 6) as macro_conversion_share,
    round(traffic.bot_share, 6) as bot_share,
    case when indexed.cji is null then 'not enough data' else 'supported' end as verdict
from indexed
left join spreads
    on
        {%- for column in grain %}
        indexed.{{ column }} = spreads.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
left join traffic on indexed.snapshot_date = traffic.snapshot_date
