{# The arithmetic of the Customer Journey Index, written once for point values and for jackknife replicates. #}

{% macro cji_parameters() -%}
    {{ return(['time', 'pageviews', 'visits', 'comeback', 'breadth']) }}
{%- endmacro %}

{# Those that are means of logs; the others are shares. #}
{% macro cji_means() -%}
    {{ return(['time', 'pageviews', 'breadth']) }}
{%- endmacro %}


{# Buckets persons are hashed into, and the fewest observations a value may rest on. #}
{% macro cji_buckets() -%}
    {{ return(100) }}
{%- endmacro %}

{# Length of a window; whole weeks, because weekdays differ. #}
{% macro cji_window_days() -%}
    {{ return(28) }}
{%- endmacro %}

{% macro cji_min_cell() -%}
    {{ return(30) }}
{%- endmacro %}


{# A parameter from its sums: means of logs are kept in millionths, shares are counts that become a logit. #}
{% macro cji_parameter(parameter, n, total) -%}
    {%- if parameter in cji_means() -%}
        {{ total }} / 1000000.0 / nullif({{ n }}, 0)
    {%- else -%}
        case when {{ n }} > 0 then ln(({{ total }} + 0.5) / ({{ n }} - {{ total }} + 0.5)) end
    {%- endif -%}
{%- endmacro %}


{# `greatest` and `least` pass over NULL, and would turn "unknown" into a bound; these keep it. #}
{% macro at_least(value, bound) -%}
    case when {{ value }} < {{ bound }} then {{ bound }} else {{ value }} end
{%- endmacro %}

{% macro clipped(value, low, high) -%}
    case when {{ value }} < {{ low }} then {{ low }} when {{ value }} > {{ high }} then {{ high }} else {{ value }} end
{%- endmacro %}


{# Distribution function of the standard normal (Abramowitz and Stegun 26.2.17, error below 1e-7). #}
{% macro normal_cdf(z) -%}
    {%- set t -%} (1.0 / (1.0 + 0.2316419 * abs({{ z }}))) {%- endset -%}
    (0.5 + sign({{ z }}) * (0.5 - exp(-({{ z }}) * ({{ z }}) / 2.0) * 0.3989422804014327 * {{ t }} * (
        0.319381530 + {{ t }} * (-0.356563782 + {{ t }} * (1.781477937 + {{ t }} * (
            -1.821255978 + {{ t }} * 1.330274429
        )))
    )))
{%- endmacro %}


{# What a step of the parameter moves z by: d / s * s^2 / (s^2 + se^2), without dividing by an s of 0. #}
{% macro cji_slope(spread, variance, direction) -%}
    ({{ direction }} * coalesce(
        {{ spread }} / nullif({{ spread }} * {{ spread }} + {{ variance }}, 0), 1000.0
    ))
{%- endmacro %}

{% macro cji_clipped_z(z) -%}
    {{ clipped(z, '-3.0', '3.0') }}
{%- endmacro %}

{# u of a parameter: where z stands in the standard normal. #}
{% macro cji_u(z) -%}
    {{ clipped(normal_cdf(cji_clipped_z(z)), '0.01', '0.99') }}
{%- endmacro %}

{# Derivative of ln Phi at z. #}
{% macro cji_log_u_slope(z) -%}
    (exp(-({{ z }}) * ({{ z }}) / 2.0) * 0.3989422804014327 / {{ normal_cdf(z) }})
{%- endmacro %}


{# Weights of the parameters that have a value. #}
{% macro cji_weight_sum() -%}
    nullif(
        {%- for parameter in cji_parameters() %}
        case when {{ parameter }}_z is null then 0.0 else {{ parameter }}_weight end {{ '+' if not loop.last }}
        {%- endfor %}
    , 0)
{%- endmacro %}


{# ln(S / 100) of a phase: weighted mean of ln(u) over the parameters that have a value. `shift` is added to each z:
   a text in which {} stands for the parameter. #}
{% macro cji_log_score(shift='') -%}
    (
        {%- for parameter in cji_parameters() %}
        case when {{ parameter }}_z is null then 0.0 else {{ parameter }}_weight * ln(
            {{ cji_u('(' ~ parameter ~ '_z ' ~ shift.replace('{}', parameter) ~ ')') }}
        ) end {{ '+' if not loop.last }}
        {%- endfor %}
    ) / {{ cji_weight_sum() }}
{%- endmacro %}


{% macro inverse_logit(x) -%}
    (1.0 / (1.0 + exp(-({{ x }}))))
{%- endmacro %}


{# Margin of the orders that went through a phase times the relative gain in its progress rate at the benchmark's p75.
   Negative where progress is above it: what is at stake is the part above 0. #}
{% macro cji_money(margin_cents, progress_logit, p75_logit) -%}
    ({{ at_least(margin_cents, '0') }}) / 100.0
    * ({{ inverse_logit(p75_logit) }} / {{ inverse_logit(progress_logit) }} - 1.0)
{%- endmacro %}


{% macro is_sunday(date) -%}
    {{ days_between("cast('1970-01-04' as date)", date) }} % 7 = 0
{%- endmacro %}


{# The Sunday that ends the week of a day. #}
{% macro next_sunday(date) -%}
    {{ add_days(date, '(7 - ' ~ days_between("cast('1970-01-04' as date)", date) ~ ' % 7) % 7') }}
{%- endmacro %}


{# The Sunday whose benchmark judges a snapshot: the last one at least a whole window before it. #}
{% macro cji_benchmark_date(snapshot_date) -%}
    {%- set latest = add_days(snapshot_date, -cji_window_days()) -%}
    {{ add_days(latest, '-((' ~ days_between("cast('1970-01-04' as date)", latest) ~ ') % 7)') }}
{%- endmacro %}


{# 0-100 from z, 50 = at the benchmark. #}
{% macro cji_index(z) -%}
    100.0 * ({{ cji_u(z) }})
{%- endmacro %}


{# The dimensions a segment name spells out; 'all' where it leaves one open. #}
{% macro cji_segment_columns(segment) -%}
    coalesce(nullif(regexp_extract({{ segment }}, 'device=([^|]+)', 1), ''), 'all') as device_type,
    coalesce(nullif(regexp_extract({{ segment }}, 'channel=([^|]+)', 1), ''), 'all') as channel,
    coalesce(nullif(regexp_extract({{ segment }}, 'visitor=([^|]+)', 1), ''), 'all') as visitor_type
{%- endmacro %}


{# Events of some visits with the time until the next event of the visit (NULL at its end). #}
{% macro cji_event_times(condition) -%}
    select
        session_id,
        event_number,
        event_name,
        coalesce(page_type, '') as page_type,
        coalesce(device_type, 'other') as device_type,
        coalesce(is_pageview, false) as is_pageview,
        cast(round(engaged_seconds * 1000000) as bigint) as engaged_micros,
        {{ epoch_micros('lead(occurred_at) over visit') }} - {{ epoch_micros('occurred_at') }} as gap_micros
    from {{ ref('int_web__events') }}
    where {{ condition }} and {{ not_before('event_date', 'first_day') if model.config.get('bounds') else 'true' }}
    window visit as (partition by session_id order by event_number)
{%- endmacro %}


{# Visits by the phases of models of a unit (int_cji__visit_stages says what is what). #}
{% macro cji_visit_stages(unit, condition) -%}
with events as (

    {{ cji_event_times(condition) }}

),

visits as (

    select
        session_id,
        cast(date_trunc('month', session_date) as date) as month_start
    from {{ ref('int_web__sessions') }}
    where {{ condition }}

),

timed as (

    select
        events.session_id,
        events.event_number,
        events.event_name,
        events.page_type,
        events.engaged_micros,
        -- Not `least`: it would give the last page, whose gap is unknown, the cut itself.
        case
            when events.gap_micros > coalesce(by_device.cut_micros, by_page.cut_micros, overall.cut_micros)
                then coalesce(by_device.cut_micros, by_page.cut_micros, overall.cut_micros)
            else events.gap_micros
        end as measured_micros,
        case
            when events.gap_micros is null
                then coalesce(by_device.median_micros, by_page.median_micros, overall.median_micros, 1000000)
        end as imputed_micros,
        case when events.is_pageview then 1 else 0 end as page_views
    from events
    inner join visits on events.session_id = visits.session_id
    left join {{ ref('int_cji__page_times') }} as by_device
        on
            visits.month_start = by_device.month_start
            and events.page_type = by_device.page_type
            and events.device_type = by_device.device_type
    left join {{ ref('int_cji__page_times') }} as by_page
        on
            visits.month_start = by_page.month_start
            and events.page_type = by_page.page_type
            and by_page.device_type = '*'
    left join {{ ref('int_cji__page_times') }} as overall
        on visits.month_start = overall.month_start and overall.page_type = '*' and overall.device_type = '*'

),

phased as (

    select
        timed.*,
        phases.phase_model,
        -- Running maximum of (position, phase): the last phase named so far, on every engine.
        coalesce(max(timed.event_number * 100 + phases.phase) over (
            partition by phases.phase_model, timed.session_id
            order by timed.event_number
            rows between unbounded preceding and current row
        ) % 100, 1) as phase
    from timed
    inner join {{ ref('int_cji__event_phases') }} as phases
        on timed.event_name = phases.event_name and timed.page_type = phases.page_type
    where phases.phase_model in (select phase_model from {{ ref('cji_phases') }} where unit = '{{ unit }}')

)

select
    phase_model,
    session_id,
    phase,
    max(event_number) as last_event_number,
    cast(sum(page_views) as bigint) as page_views,
    cast(coalesce(sum(engaged_micros), 0) as bigint) as engaged_micros,
    cast(coalesce(sum(measured_micros), 0) as bigint) as measured_micros,
    cast(coalesce(sum(imputed_micros), 0) as bigint) as imputed_micros
from phased
group by phase_model, session_id, phase
{%- endmacro %}
