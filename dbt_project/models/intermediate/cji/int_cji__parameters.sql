-- One row per snapshot x segment x phase model x phase: the four parameters with their standard errors.
--
-- Standard errors leave out one person bucket at a time. Those of shares are never taken below the binomial one: with
-- no or hardly any success the buckets all look alike and would claim a certainty that is not there.
-- noqa: disable=LT02

{% set buckets = cji_buckets() %}
{% set other_sums = ['orders_sum', 'margin_cents', 'seconds_sum', 'imputed_seconds_sum', 'tab_n', 'tab_sum'] %}
{% set grain = ['snapshot_date', 'segment_kind', 'segment', 'phase_model', 'phase'] %}

{% set affected %}
select segment_kind, snapshot_date from {{ changes('int_cji__window_buckets') }}
{% endset %}
{{ config(materialized='keyed', key=['segment_kind', 'snapshot_date'], affected=affected) }}

with sums as (

    select
        {{ grain | join(', ') }},
        is_published,
        {%- for parameter in cji_parameters() %}
        cast(sum({{ parameter }}_n) as bigint) as {{ parameter }}_n,
        cast(sum({{ parameter }}_sum) as bigint) as {{ parameter }}_sum,
        {%- endfor %}
        {%- for column in other_sums %}
        cast(sum({{ column }}) as bigint) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_cji__window_buckets') }}
    where {{ affected_rows('int_cji__window_buckets', ['segment_kind', 'snapshot_date']) }}
    group by {{ grain | join(', ') }}, is_published

),

points as (

    select
        *,
        {%- for parameter in cji_parameters() %}
        {{ cji_parameter(parameter, parameter ~ '_n', parameter ~ '_sum') }}
            as {{ parameter }}_x{{ ',' if not loop.last }}
        {%- endfor %}
    from sums

),

left_out as (

    select
        {%- for column in grain %}
        points.{{ column }},
        {%- endfor %}
        {%- for parameter in cji_parameters() %}
        buckets.{{ parameter }}_n > 0 as {{ parameter }}_is_present,
        {{ cji_parameter(
            parameter,
            '(points.' ~ parameter ~ '_n - buckets.' ~ parameter ~ '_n)',
            '(points.' ~ parameter ~ '_sum - buckets.' ~ parameter ~ '_sum)'
        ) }} - points.{{ parameter }}_x as {{ parameter }}_change{{ ',' if not loop.last }}
        {%- endfor %}
    from points
    inner join {{ ref('int_cji__window_buckets') }} as buckets
        on
            {%- for column in grain %}
            points.{{ column }} = buckets.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    where {{ affected_rows('buckets', ['segment_kind', 'snapshot_date']) }}

),

spreads as (

    select
        {{ grain | join(', ') }},
        {%- for parameter in cji_parameters() %}
        count(*) filter (where {{ parameter }}_is_present) as {{ parameter }}_buckets,
        sum({{ parameter }}_change * {{ parameter }}_change) * {{ buckets - 1 }} / {{ buckets }}.0
            as {{ parameter }}_variance{{ ',' if not loop.last }}
        {%- endfor %}
    from left_out
    group by {{ grain | join(', ') }}

)

select
    {%- for column in grain %}
    points.{{ column }},
    {%- endfor %}
    points.is_published,
    {%- for column in other_sums %}
    points.{{ column }},
    {%- endfor %}
    {%- for parameter in cji_parameters() %}
    points.{{ parameter }}_n,
    points.{{ parameter }}_sum,
    points.{{ parameter }}_x,
    {%- if parameter in cji_means() %}
    case when spreads.{{ parameter }}_buckets > 1 then sqrt(spreads.{{ parameter }}_variance) end as {{ parameter }}_se,
    0.0 as {{ parameter }}_floor_variance,
    {%- else %}
    {%- set binomial -%}
    (1.0 / (points.{{ parameter }}_sum + 0.5) + 1.0 / (points.{{ parameter }}_n - points.{{ parameter }}_sum + 0.5))
    {%- endset %}
    case
        when spreads.{{ parameter }}_buckets > 1 then sqrt(greatest(spreads.{{ parameter }}_variance, {{ binomial }}))
    end as {{ parameter }}_se,
    -- What the floor adds to the jackknife variance.
    greatest({{ binomial }} - spreads.{{ parameter }}_variance, 0.0) as {{ parameter }}_floor_variance,
    {%- endif %}
    points.{{ parameter }}_n >= {{ cji_min_cell() }} and spreads.{{ parameter }}_buckets > 1
        as {{ parameter }}_is_usable{{ ',' if not loop.last }}
    {%- endfor %}
from points
inner join spreads
    on
        {%- for column in grain %}
        points.{{ column }} = spreads.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
