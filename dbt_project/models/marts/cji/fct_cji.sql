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

intervals as (

    select
        {{ grain | join(', ') }},
        sum(index_weight * log_score_low_of_index) as log_low,
        sum(index_weight * log_score_high_of_index) as log_high
    from {{ ref('int_cji__intervals') }}
    group by {{ grain | join(', ') }}

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
        case when totals.phases_scored >= 4 then totals.weighted_log / totals.weight end as log_index
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
    round(100.0 * exp(indexed.log_index), 4) as cji,
    case
        when indexed.log_index is not null
            then round(100.0 * exp(least(indexed.log_index, intervals.log_low)), 4)
    end as cji_low,
    case
        when indexed.log_index is not null
            then round(100.0 * exp(greatest(indexed.log_index, intervals.log_high)), 4)
    end as cji_high,
    cast(indexed.weakest_phase as bigint) as weakest_phase,
    round(indexed.orders / nullif(indexed.visits, 0), 6) as macro_conversion_share,
    round(traffic.bot_share, 6) as bot_share,
    case when indexed.log_index is null then 'not enough data' else 'supported' end as verdict
from indexed
left join intervals
    on
        {%- for column in grain %}
        indexed.{{ column }} = intervals.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
left join traffic on indexed.snapshot_date = traffic.snapshot_date
