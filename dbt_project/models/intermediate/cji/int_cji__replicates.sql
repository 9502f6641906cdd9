-- One row per scored phase x person bucket: what leaving the bucket out does to the score and to the money at stake.
--
-- Benchmark and shrinkage stay as they are: the question is how sure we are of this window, not of the year before.
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model', 'phase'] %}

with scores as (

    select * from {{ ref('int_cji__phase_scores') }}
where log_score is not null

),

left_out as (

    select
        scores.*,
        buckets.person_bucket,
        scores.margin_cents - buckets.margin_cents as bucket_margin_cents,
        {%- for parameter in cji_parameters() %}
        {{ cji_parameter(
            parameter,
            '(scores.' ~ parameter ~ '_n - buckets.' ~ parameter ~ '_n)',
            '(scores.' ~ parameter ~ '_sum - buckets.' ~ parameter ~ '_sum)'
        ) }} as bucket_{{ parameter }}_x{{ ',' if not loop.last }}
        {%- endfor %}
    from scores
    inner join {{ ref('int_cji__window_buckets') }} as buckets
        on
            {%- for column in grain %}
            scores.{{ column }} = buckets.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}

),

standardised as (

    select
        *,
        {%- for parameter in cji_parameters() %}
        case
            when {{ parameter }}_z is not null
                then {{ cji_z(
                    'bucket_' ~ parameter ~ '_x', parameter ~ '_benchmark', parameter ~ '_spread', parameter ~ '_se',
                    parameter ~ '_direction'
                ) }}
        end as bucket_{{ parameter }}_z{{ ',' if not loop.last }}
        {%- endfor %}
    from left_out

),

scored as (

    select
        *,
        {{ cji_log_score('bucket_') }} as bucket_log_score,
        {{ cji_money('bucket_margin_cents', 'bucket_visits_x', 'visits_p75') }} as bucket_money_eur
    from standardised

)

select
    {{ grain | join(', ') }},
    segment_kind,
    person_bucket,
    bucket_log_score - log_score as log_score_change,
    100.0 * (exp(bucket_log_score) - exp(log_score)) as score_change,
    bucket_money_eur - money_at_stake_eur as money_change_eur
from scored
