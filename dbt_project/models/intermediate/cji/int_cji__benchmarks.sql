-- One row per benchmark day (a Sunday) x benchmark kind x segment x phase model x phase: what is normal.
--
-- `own history` looks at the segment's own windows that ended on the Sundays of the 48 weeks before, `peers` at those
-- of all segments of its kind (the segment then is the name of the kind). A snapshot is judged by the benchmark of a
-- Sunday a whole window before it, so the days being judged are never part of their own benchmark.
-- noqa: disable=LT02

{% set min_spread = var('cji_min_spread', 0.02) %}
{% set grain = ['benchmark_kind', 'benchmark_date', 'segment_kind', 'segment', 'phase_model', 'phase'] %}

{% set affected %}
with changed as (
    select distinct segment_kind, snapshot_date from {{ changes('int_cji__parameters') }}
)
select segment_kind, {{ cji_benchmark_date('snapshot_date') }} as benchmark_date from changed
union
-- Benchmarks a changed window is part of.
select distinct published.segment_kind, published.benchmark_date
from (
    select distinct segment_kind, {{ cji_benchmark_date('snapshot_date') }} as benchmark_date
    from {{ stored('int_cji__parameters') }}
    where is_published
) as published
inner join changed
    on
        published.segment_kind = changed.segment_kind
        and published.benchmark_date >= changed.snapshot_date
        and published.benchmark_date <= {{ add_days('changed.snapshot_date', 336) }}
        and {{ is_sunday('changed.snapshot_date') }}
{% endset %}
{{ config(materialized='keyed', key=['segment_kind', 'benchmark_date'], affected=affected) }}

with windows as (

    select * from {{ ref('int_cji__parameters') }}
where {{ is_sunday('snapshot_date') }}

),

needed as (

    select *
    from (
        select distinct
            segment_kind,
            {{ cji_benchmark_date('snapshot_date') }} as benchmark_date
        from {{ ref('int_cji__parameters') }}
        where is_published
    ) as published
    where {{ affected_rows('published', ['segment_kind', 'benchmark_date']) }}

),

own as (

    select
        'own history' as benchmark_kind,
        needed.benchmark_date,
        windows.segment_kind,
        windows.segment,
        windows.phase_model,
        windows.phase,
        {%- for parameter in cji_parameters() %}
        case when windows.{{ parameter }}_is_usable then windows.{{ parameter }}_x end as {{ parameter }}_x,
        case when windows.{{ parameter }}_is_usable then windows.{{ parameter }}_se end as {{ parameter }}_se,
        windows.{{ parameter }}_n
        {{- ',' if not loop.last }}
        {%- endfor %}
    from needed
    inner join windows
        on
            needed.segment_kind = windows.segment_kind
            and needed.benchmark_date >= windows.snapshot_date
            and windows.snapshot_date >= {{ add_days('needed.benchmark_date', -336) }}

),

units as (

    select * from own

    union all

    select
        'peers' as benchmark_kind,
        benchmark_date,
        segment_kind,
        segment_kind as segment,
        phase_model,
        phase,
        {%- for parameter in cji_parameters() %}
        {{ parameter }}_x,
        {{ parameter }}_se,
        {{ parameter }}_n{{ ',' if not loop.last }}
        {%- endfor %}
    from own
    where segment_kind <> 'all'

),

centres as (

    select
        {{ grain | join(', ') }},
        {%- for parameter in cji_parameters() %}
        count({{ parameter }}_x) as {{ parameter }}_units,
        median({{ parameter }}_x) as {{ parameter }}_benchmark,
        median({{ parameter }}_se * {{ parameter }}_se) as {{ parameter }}_noise,
        -- What one observation would add to it, for windows of another size.
        median({{ parameter }}_se * {{ parameter }}_se * {{ parameter }}_n) as {{ parameter }}_unit_noise,
        {%- endfor %}
        percentile_cont(0.75) within group (order by visits_x) as visits_p75
    from units
    group by {{ grain | join(', ') }}

),

deviations as (

    select
        {%- for column in grain %}
        units.{{ column }},
        {%- endfor %}
        {%- for parameter in cji_parameters() %}
        median(abs(units.{{ parameter }}_x - centres.{{ parameter }}_benchmark)) * 1.4826 as {{ parameter }}_total
        {{- ',' if not loop.last }}
        {%- endfor %}
    from units
    inner join centres
        on
            {%- for column in grain %}
            units.{{ column }} = centres.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    group by
        {%- for column in grain %}
        units.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

)

-- What the windows differ by beyond the noise of each: never less than a tenth of their variance, and never less than
-- two per cent (of seconds, pages or odds): where all windows are alike, a hair's breadth would count as a landslide.
select
    {%- for column in grain %}
    centres.{{ column }},
    {%- endfor %}
    centres.visits_p75,
    {%- for parameter in cji_parameters() %}
    centres.{{ parameter }}_units,
    centres.{{ parameter }}_benchmark,
    centres.{{ parameter }}_unit_noise,
    sqrt(greatest(
        deviations.{{ parameter }}_total * deviations.{{ parameter }}_total - centres.{{ parameter }}_noise,
        0.1 * deviations.{{ parameter }}_total * deviations.{{ parameter }}_total,
        {{ min_spread * min_spread }}
    )) as {{ parameter }}_spread{{ ',' if not loop.last }}
    {%- endfor %}
from centres
inner join deviations
    on
        {%- for column in grain %}
        centres.{{ column }} = deviations.{{ column }}{{ ' and' if not loop.last }}
        {%- endfor %}
