-- One row per published snapshot x segment x phase model x phase: parameters, their benchmark, the score.
--
-- The preferred kind of benchmark is used where it rests on enough windows; else the next one that does. Shrinkage goes
-- by the noise a window of this size has at the benchmark, not by its own: the error of a logit grows without bound as
-- nobody or everybody gets on, and would draw a phase nobody survives to 50 (Hauck and Donner, 1977, JASA 72, 851).
-- noqa: disable=LT02

{% set kinds = ['own history', 'peers', 'all visitors', 'industry table'] %}
{% set preferred = var('cji_benchmark', 'own history') %}
{% set min_units = var('cji_min_benchmark_windows', 6) %}
{% set benchmark_columns = ['benchmark_windows', 'visits_p75'] %}
{% for parameter in cji_parameters() %}
{% do benchmark_columns.extend([parameter ~ '_benchmark', parameter ~ '_spread', parameter ~ '_unit_noise']) %}
{% endfor %}

{% set affected %}
select segment_kind, snapshot_date from {{ changes('int_cji__parameters') }}
union
-- The benchmark of all visitors stands in for that of any kind.
select scores.segment_kind, scores.snapshot_date
from (select distinct segment_kind, snapshot_date from {{ stored('int_cji__parameters') }}) as scores
inner join {{ changes('int_cji__benchmarks') }} as benchmarks
    on
        {{ cji_benchmark_date('scores.snapshot_date') }} = benchmarks.benchmark_date
        and benchmarks.segment_kind in (scores.segment_kind, 'all')
union
select distinct segment_kind, snapshot_date
from {{ stored('int_cji__parameters') }}
where (select count(*) from {{ changes('int_cji__weights') }}) > 0
{% endset %}
{{ config(
    materialized='keyed', key=['segment_kind', 'snapshot_date'], affected=affected,
    unlogged_inputs=['int_cji__industry_benchmarks']
) }}

with snapshots as (

    select
        *,
        {{ cji_benchmark_date('snapshot_date') }} as benchmark_date
    from {{ ref('int_cji__parameters') }}
    where is_published and {{ affected_rows('int_cji__parameters', ['segment_kind', 'snapshot_date']) }}

),

keys as (

    select distinct
        benchmark_date,
        segment_kind,
        segment,
        phase_model,
        phase
    from snapshots

),

candidates as (

    select
        keys.benchmark_date,
        keys.segment,
        keys.phase_model,
        keys.phase,
        case
            when benchmarks.segment = 'all' and keys.segment <> 'all' then 'all visitors'
            else benchmarks.benchmark_kind
        end as benchmark_kind,
        benchmarks.visits_units as benchmark_windows,
        benchmarks.visits_p75,
        {%- for parameter in cji_parameters() %}
        case when benchmarks.{{ parameter }}_units >= {{ min_units }} then benchmarks.{{ parameter }}_benchmark end
            as {{ parameter }}_benchmark,
        benchmarks.{{ parameter }}_spread,
        benchmarks.{{ parameter }}_unit_noise{{ ',' if not loop.last }}
        {%- endfor %}
    from keys
    inner join {{ ref('int_cji__benchmarks') }} as benchmarks
        on
            keys.benchmark_date = benchmarks.benchmark_date
            and keys.phase_model = benchmarks.phase_model
            and keys.phase = benchmarks.phase
            -- The name of a kind stands for its peers.
            and benchmarks.segment in (keys.segment, keys.segment_kind, 'all')
    where benchmarks.visits_units >= {{ min_units }}

    union all

    select
        keys.benchmark_date,
        keys.segment,
        keys.phase_model,
        keys.phase,
        'industry table' as benchmark_kind,
        cast(null as bigint) as benchmark_windows,
        industry.visits_p75,
        {%- for parameter in cji_parameters() %}
        industry.{{ parameter }}_benchmark,
        industry.{{ parameter }}_spread,
        industry.{{ parameter }}_unit_noise{{ ',' if not loop.last }}
        {%- endfor %}
    from keys
    inner join {{ ref('int_cji__industry_benchmarks') }} as industry
        on keys.phase_model = industry.phase_model and keys.phase = industry.phase
    where industry.visits_benchmark is not null and industry.visits_spread is not null

),

chosen as (

    select *
    from candidates
    qualify
        row_number() over (
            partition by benchmark_date, segment, phase_model, phase
            order by
                case benchmark_kind
                    when '{{ preferred }}' then 0
                    {%- for kind in kinds %}
                    when '{{ kind }}' then {{ loop.index }}
                    {%- endfor %}
                end
        ) = 1

),

judged as (

    select
        snapshots.*,
        coalesce(chosen.benchmark_kind, 'none') as benchmark_kind,
        {%- for column in benchmark_columns %}
        chosen.{{ column }},
        {%- endfor %}
        weights.phase_weight,
        {%- for parameter in cji_parameters() %}
        weights.{{ parameter }}_direction,
        weights.{{ parameter }}_weight{{ ',' if not loop.last }}
        {%- endfor %}
    from snapshots
    inner join {{ ref('int_cji__weights') }} as weights
        on snapshots.phase_model = weights.phase_model and snapshots.phase = weights.phase
    left join chosen
        on
            snapshots.benchmark_date = chosen.benchmark_date
            and snapshots.segment = chosen.segment
            and snapshots.phase_model = chosen.phase_model
            and snapshots.phase = chosen.phase

),

sloped as (

    select
        *,
        {%- for parameter in cji_parameters() %}
        {%- set noise -%}
        coalesce({{ parameter }}_unit_noise / {{ parameter }}_n, {{ parameter }}_se * {{ parameter }}_se)
        {%- endset %}
        case
            when {{ parameter }}_is_usable and {{ parameter }}_direction <> 0 and {{ parameter }}_weight > 0
                then {{ cji_slope(parameter ~ '_spread', noise, parameter ~ '_direction') }}
        end as {{ parameter }}_slope{{ ',' if not loop.last }}
        {%- endfor %}
    from judged

),

-- z keeps what lies beyond the clip: an interval may reach back from there.
standardised as (

    select
        *,
        {%- for parameter in cji_parameters() %}
        {{ parameter }}_slope * ({{ parameter }}_x - {{ parameter }}_benchmark) as {{ parameter }}_z
        {{- ',' if not loop.last }}
        {%- endfor %}
    from sloped

),

scored as (

    select
        *,
        case when visits_n >= {{ cji_min_cell() }} and visits_z is not null then {{ cji_log_score() }} end as log_score,
        {%- for parameter in cji_parameters() %}
        {{ cji_log_u_slope(cji_clipped_z(parameter ~ '_z')) }} as {{ parameter }}_log_u_slope,
        {%- endfor %}
        case
            when visits_n >= {{ cji_min_cell() }} then {{ cji_money('margin_cents', 'visits_x', 'visits_p75') }}
        end as money_gap_eur
    from standardised

)

-- A lever is the effect of a small step of z on the logarithm of the score. A bias is what noise takes off ln u on
-- average, as a step of z: ln Phi bends down by its slope x (its slope + z).
select
    *,
    {%- for parameter in cji_parameters() %}
    {{ parameter }}_weight * {{ parameter }}_log_u_slope / {{ cji_weight_sum() }} as {{ parameter }}_lever,
    ({{ parameter }}_log_u_slope + {{ cji_clipped_z(parameter ~ '_z') }}) / 2.0
    * {{ parameter }}_slope * {{ parameter }}_slope * {{ parameter }}_se * {{ parameter }}_se
        as {{ parameter }}_bias,
    {%- endfor %}
    {{ at_least('money_gap_eur', '0.0') }} as money_at_stake_eur
from scored
