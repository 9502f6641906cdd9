-- One row per scored phase x person bucket: what leaving the bucket out does to z, to the score and to the money.
--
-- Benchmark and shrinkage stay as they are: the question is how sure we are of this window, not of the year before. The
-- change of the score is linear in those of z, which are not clipped: at the clip a score cannot move, but is not sure.
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model', 'phase'] %}

{% set affected %}
select segment_kind, snapshot_date from {{ changes('int_cji__phase_scores') }}
union
select segment_kind, snapshot_date from {{ changes('int_cji__window_buckets') }}
{% endset %}
{{ config(materialized='keyed', key=['segment_kind', 'snapshot_date'], affected=affected, cluster_by='snapshot_date') }}

with scores as (

    select * from {{ ref('int_cji__phase_scores') }}
    where log_score is not null and {{ affected_rows('int_cji__phase_scores', ['segment_kind', 'snapshot_date']) }}

),

left_out as (

    select
        scores.*,
        buckets.person_bucket,
        {{ cji_money(
            '(scores.margin_cents - buckets.margin_cents)',
            cji_parameter(
                'visits', '(scores.visits_n - buckets.visits_n)', '(scores.visits_sum - buckets.visits_sum)'
            ),
            'scores.visits_p75'
        ) }} - scores.money_gap_eur as money_change_eur,
        {%- for parameter in cji_parameters() %}
        coalesce(scores.{{ parameter }}_slope * (
            {{ cji_parameter(
                parameter,
                '(scores.' ~ parameter ~ '_n - buckets.' ~ parameter ~ '_n)',
                '(scores.' ~ parameter ~ '_sum - buckets.' ~ parameter ~ '_sum)'
            ) }} - scores.{{ parameter }}_x
        ), 0.0) as {{ parameter }}_z_change{{ ',' if not loop.last }}
        {%- endfor %}
    from scores
    inner join {{ ref('int_cji__window_buckets') }} as buckets
        on
            {%- for column in grain %}
            scores.{{ column }} = buckets.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    where {{ affected_rows('buckets', ['segment_kind', 'snapshot_date']) }}

)

select
    {{ grain | join(', ') }},
    segment_kind,
    phase_weight,
    person_bucket,
    {%- for parameter in cji_parameters() %}
    {{ parameter }}_z_change,
    {%- endfor %}
    {%- for parameter in cji_parameters() %}
    coalesce({{ parameter }}_lever, 0.0) * {{ parameter }}_z_change {{ '+' if not loop.last }}
    {%- endfor %} as log_score_change,
    money_change_eur
from left_out
