-- One row per scored phase: ln(S / 100) at both ends of the interval of the phase, and of that of the index.
--
-- An interval is the score at z - 1.96 d and at z + 1.96 d, where d is how far each z moves along when the logarithm of
-- the score (of the index) moves by one standard error: cov(z, ln S) / sd(ln S), by the jackknife over person buckets.
-- Where shares rest on the binomial floor, what the floor adds is noise of their own. ln Phi bends down, so noise in z
-- lowers the score on average; both ends are moved up by what that is to second order, (slope + z) / 2 x var(z) with
-- the slope of ln Phi (the correction for bias of Quenouille, 1956, Biometrika 43, 353, by the delta method).
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model'] %}
{% set jackknife = '(' ~ (cji_buckets() - 1) ~ ' / ' ~ cji_buckets() ~ '.0)' %}

{% set affected %}
select segment_kind, snapshot_date from {{ changes('int_cji__phase_scores') }}
union
select segment_kind, snapshot_date from {{ changes('int_cji__replicates') }}
{% endset %}
{{ config(materialized='keyed', key=['segment_kind', 'snapshot_date'], affected=affected) }}

with replicates as (

    select * from {{ ref('int_cji__replicates') }}
    where {{ affected_rows('int_cji__replicates', ['segment_kind', 'snapshot_date']) }}

),

weights as (

    select {{ grain | join(', ') }}, nullif(sum(phase_weight), 0) as weight_sum
    from {{ ref('int_cji__phase_scores') }}
    where log_score is not null
    group by {{ grain | join(', ') }}

),

-- A bucket moves several phases at once, so its effect on the index is taken as a whole.
bucket_changes as (

    select {{ grain | join(', ') }}, person_bucket, sum(phase_weight * log_score_change) as index_change
    from replicates
    group by {{ grain | join(', ') }}, person_bucket

),

moments as (

    select
        {%- for column in grain %}
        replicates.{{ column }},
        {%- endfor %}
        replicates.phase,
        sum(replicates.log_score_change * replicates.log_score_change) * {{ jackknife }} as score_variance,
        sum(replicates.log_score_change * bucket_changes.index_change) * {{ jackknife }} as index_covariance,
        {%- for parameter in cji_parameters() %}
        sum(replicates.{{ parameter }}_z_change * replicates.log_score_change) * {{ jackknife }}
            as {{ parameter }}_score_covariance,
        sum(replicates.{{ parameter }}_z_change * bucket_changes.index_change) * {{ jackknife }}
            as {{ parameter }}_index_covariance{{ ',' if not loop.last }}
        {%- endfor %}
    from replicates
    inner join bucket_changes
        on
            {%- for column in grain + ['person_bucket'] %}
            replicates.{{ column }} = bucket_changes.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    group by
        {%- for column in grain %}
        replicates.{{ column }},
        {%- endfor %}
        replicates.phase

),

floors as (

    select
        moments.*,
        scores.phase_weight / weights.weight_sum as index_weight,
        weights.weight_sum,
        {%- for parameter in cji_parameters() %}
        coalesce(
            scores.{{ parameter }}_lever * scores.{{ parameter }}_slope * scores.{{ parameter }}_slope
            * scores.{{ parameter }}_floor_variance, 0.0
        ) as {{ parameter }}_floor_covariance,
        scores.{{ parameter }}_bias,
        coalesce(scores.{{ parameter }}_lever, 0.0) as {{ parameter }}_lever{{ ',' if not loop.last }}
        {%- endfor %}
    from moments
    inner join {{ ref('int_cji__phase_scores') }} as scores
        on
            {%- for column in grain + ['phase'] %}
            moments.{{ column }} = scores.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    inner join weights
        on
            {%- for column in grain %}
            moments.{{ column }} = weights.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}

),

variances as (

    select
        *,
        {%- set floor_variance -%}
        (
            {%- for parameter in cji_parameters() %}
            {{ parameter }}_lever * {{ parameter }}_floor_covariance {{ '+' if not loop.last }}
            {%- endfor %}
        )
        {%- endset %}
        score_variance + {{ floor_variance }} as log_score_variance,
        sum(
            index_weight * index_covariance / weight_sum + index_weight * index_weight * {{ floor_variance }}
        ) over (partition by {{ grain | join(', ') }}) as log_index_variance
    from floors

),

steps as (

    select
        {{ grain | join(', ') }},
        phase,
        index_weight,
        {%- for parameter in cji_parameters() %}
        coalesce(
            ({{ parameter }}_score_covariance + {{ parameter }}_floor_covariance)
            / nullif(sqrt({{ at_least('log_score_variance', '0.0') }}), 0), 0.0
        ) as {{ parameter }}_score_step,
        coalesce(
            ({{ parameter }}_index_covariance / weight_sum + index_weight * {{ parameter }}_floor_covariance)
            / nullif(sqrt({{ at_least('log_index_variance', '0.0') }}), 0), 0.0
        ) as {{ parameter }}_index_step,
        {{ parameter }}_bias{{ ',' if not loop.last }}
        {%- endfor %}
    from variances

),

ends as (

    select
        {{ grain | join(', ') }},
        phase,
        {%- for parameter in cji_parameters() %}
        {%- for part in ['score', 'index'] %}
        {{ parameter }}_bias - 1.96 * {{ parameter }}_{{ part }}_step as {{ parameter }}_{{ part }}_low,
        {{ parameter }}_bias + 1.96 * {{ parameter }}_{{ part }}_step as {{ parameter }}_{{ part }}_high,
        {%- endfor %}
        {%- endfor %}
        index_weight
    from steps

)

select
    {%- for column in grain %}
    ends.{{ column }},
    {%- endfor %}
    ends.phase,
    scores.segment_kind,
    ends.index_weight,
    {%- for end in ['low', 'high'] %}
    {%- for part in ['score', 'index'] %}
    {{ cji_log_score('+ {}_' ~ part ~ '_' ~ end) }} as log_score_{{ end }}_of_{{ part }}
    {{- ',' if not (end == 'high' and part == 'index') }}
    {%- endfor %}
    {%- endfor %}
from ends
inner join {{ ref('int_cji__phase_scores') }} as scores
    on
        {%- for column in grain + ['phase'] %}
        ends.{{ column }} = scores.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
