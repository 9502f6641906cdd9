{# The arithmetic of the Customer Journey Index, written once for point values and for jackknife replicates. #}

{% macro cji_parameters() -%}
    {{ return(['time', 'pageviews', 'visits', 'comeback']) }}
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
    {%- if parameter in ('time', 'pageviews') -%}
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


{# z = d (x - m) / s * s^2 / (s^2 + se^2), clipped. Written without dividing by s, which is 0 when history never moved. #}
{% macro cji_z(x, benchmark, spread, standard_error, direction) -%}
    {%- set z -%}
    ({{ direction }} * ({{ x }} - {{ benchmark }}) * coalesce(
        {{ spread }} / nullif({{ spread }} * {{ spread }} + {{ standard_error }} * {{ standard_error }}, 0), 1000.0
    ))
    {%- endset -%}
    {{ clipped(z, '-3.0', '3.0') }}
{%- endmacro %}


{# ln(S / 100) of a phase: weighted mean of ln(u) over the parameters that have a value. #}
{% macro cji_log_score(prefix='') -%}
    (
        {%- for parameter in cji_parameters() %}
        case when {{ prefix }}{{ parameter }}_z is null then 0.0 else {{ parameter }}_weight * ln(
            {{ clipped(normal_cdf(prefix ~ parameter ~ '_z'), '0.01', '0.99') }}
        ) end {{ '+' if not loop.last }}
        {%- endfor %}
    ) / nullif(
        {%- for parameter in cji_parameters() %}
        case when {{ prefix }}{{ parameter }}_z is null then 0.0 else {{ parameter }}_weight end {{ '+' if not loop.last }}
        {%- endfor %}
    , 0)
{%- endmacro %}


{% macro inverse_logit(x) -%}
    (1.0 / (1.0 + exp(-({{ x }}))))
{%- endmacro %}


{# Margin of the orders that went through a phase times the relative gain in its progress rate at the benchmark's p75. #}
{% macro cji_money(margin_cents, progress_logit, p75_logit) -%}
    {%- set gain -%}({{ inverse_logit(p75_logit) }} / {{ inverse_logit(progress_logit) }} - 1.0){%- endset -%}
    ({{ at_least(margin_cents, '0') }}) / 100.0 * ({{ at_least(gain, '0.0') }})
{%- endmacro %}


{% macro is_sunday(date) -%}
    {{ days_between("cast('1970-01-04' as date)", date) }} % 7 = 0
{%- endmacro %}


{# The Sunday whose benchmark judges a snapshot: the last one at least a whole window before it. #}
{% macro cji_benchmark_date(snapshot_date) -%}
    {%- set latest = add_days(snapshot_date, -cji_window_days()) -%}
    {{ add_days(latest, '-((' ~ days_between("cast('1970-01-04' as date)", latest) ~ ') % 7)') }}
{%- endmacro %}


{# 0-100 from z, 50 = at the benchmark. #}
{% macro cji_index(z) -%}
    100.0 * ({{ clipped(normal_cdf(z), '0.01', '0.99') }})
{%- endmacro %}


{# The dimensions a segment name spells out; 'all' where it leaves one open. #}
{% macro cji_segment_columns(segment) -%}
    coalesce(nullif(regexp_extract({{ segment }}, 'device=([^|]+)', 1), ''), 'all') as device_type,
    coalesce(nullif(regexp_extract({{ segment }}, 'channel=([^|]+)', 1), ''), 'all') as channel,
    coalesce(nullif(regexp_extract({{ segment }}, 'visitor=([^|]+)', 1), ''), 'all') as visitor_type
{%- endmacro %}
