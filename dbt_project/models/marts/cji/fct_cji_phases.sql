-- One row per snapshot day x phase model x segment x phase: four parameters, the benchmark and the score.
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model', 'phase'] %}

select
    scores.snapshot_date,
    scores.phase_model,
    scores.segment,
    cast(scores.phase as bigint) as phase,
    scores.segment_kind,
    {{ cji_segment_columns('scores.segment') }},
    scores.visits_n as visits,
    scores.visits_sum as progressed_visits,
    round(scores.visits_sum / nullif(scores.visits_n, 0), 6) as progress_share,
    {%- for parameter, value in [
        ('time', 'time_mean_log'), ('pageviews', 'pageviews_mean_log'), ('visits', 'visits_logit')
    ] %}
    round(scores.{{ parameter }}_x, 6) as {{ value }},
    round(scores.{{ parameter }}_se, 6) as {{ parameter }}_standard_error,
    round(scores.{{ parameter }}_benchmark, 6) as {{ parameter }}_benchmark,
    round({{ cji_index('scores.' ~ parameter ~ '_z') }}, 4) as {{ parameter }}_index,
    {%- endfor %}
    scores.comeback_n as comeback_visits,
    round(scores.comeback_sum / nullif(scores.comeback_n, 0), 6) as comeback_share,
    round(scores.comeback_x, 6) as comeback_logit,
    round(scores.comeback_se, 6) as comeback_standard_error,
    round(scores.comeback_benchmark, 6) as comeback_benchmark,
    round({{ cji_index('scores.comeback_z') }}, 4) as comeback_index,
    round(scores.imputed_seconds_sum / nullif(scores.seconds_sum, 0), 6) as imputed_time_share,
    round(100.0 * exp(scores.log_score), 4) as score,
    round(100.0 * exp(least(scores.log_score, intervals.log_score_low_of_score)), 4) as score_low,
    round(100.0 * exp(greatest(scores.log_score, intervals.log_score_high_of_score)), 4) as score_high,
    scores.visits_n < {{ cji_min_cell() }} as is_small,
    scores.benchmark_kind,
    round(scores.money_at_stake_eur, 2) as money_at_stake_eur,
    scores.benchmark_windows,
    round({{ inverse_logit('scores.visits_p75') }}, 6) as progress_share_benchmark_p75,
    round(scores.tab_sum / nullif(scores.tab_n, 0), 6) as comeback_tab_share,
    round(scores.breadth_x, 6) as breadth_mean_log,
    round(scores.breadth_se, 6) as breadth_standard_error,
    round(scores.breadth_benchmark, 6) as breadth_benchmark,
    round({{ cji_index('scores.breadth_z') }}, 4) as breadth_index
from {{ ref('int_cji__phase_scores') }} as scores
left join {{ ref('int_cji__intervals') }} as intervals
    on
        {%- for column in grain %}
        scores.{{ column }} = intervals.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
