{# Instants, local days and their spine: the forms that DuckDB and Spark spell differently. #}

{# Microseconds since 1970 as an integer: gaps compare exactly, which fractions of seconds do not. #}
{% macro epoch_micros(instant) -%}
    {{ return(adapter.dispatch('epoch_micros')(instant)) }}
{%- endmacro %}

{% macro default__epoch_micros(instant) -%}
    epoch_us({{ instant }})
{%- endmacro %}

{% macro spark__epoch_micros(instant) -%}
    unix_micros({{ instant }})
{%- endmacro %}


{% macro epoch_seconds(instant) -%}
    ({{ epoch_micros(instant) }} / 1000000.0)
{%- endmacro %}


{# Wall-clock time in the business time zone, without zone. #}
{% macro local_time(instant) -%}
    {{ return(adapter.dispatch('local_time')(instant)) }}
{%- endmacro %}

{% macro default__local_time(instant) -%}
    timezone('{{ var("timezone") }}', {{ instant }})
{%- endmacro %}

{% macro spark__local_time(instant) -%}
    from_utc_timestamp({{ instant }}, '{{ var("timezone") }}')
{%- endmacro %}


{# The business day an instant belongs to. #}
{% macro local_date(instant) -%}
    cast({{ local_time(instant) }} as date)
{%- endmacro %}


{# Days from a to b, positive when b is later. #}
{% macro days_between(a, b) -%}
    {{ return(adapter.dispatch('days_between')(a, b)) }}
{%- endmacro %}

{% macro default__days_between(a, b) -%}
    date_diff('day', {{ a }}, {{ b }})
{%- endmacro %}

{% macro spark__days_between(a, b) -%}
    datediff({{ b }}, {{ a }})
{%- endmacro %}


{# A date plus a number of days (a literal or an expression). #}
{% macro add_days(date, days) -%}
    {{ return(adapter.dispatch('add_days')(date, days)) }}
{%- endmacro %}

{% macro default__add_days(date, days) -%}
    cast({{ date }} + cast({{ days }} as integer) as date)
{%- endmacro %}

{% macro spark__add_days(date, days) -%}
    date_add({{ date }}, cast({{ days }} as int))
{%- endmacro %}


{# 1 = Monday ... 7 = Sunday. #}
{% macro iso_weekday(date) -%}
    {{ return(adapter.dispatch('iso_weekday')(date)) }}
{%- endmacro %}

{% macro default__iso_weekday(date) -%}
    isodow({{ date }})
{%- endmacro %}

{% macro spark__iso_weekday(date) -%}
    (weekday({{ date }}) + 1)
{%- endmacro %}


{# The year that an ISO week belongs to: the year of its Thursday. #}
{% macro iso_year(date) -%}
    extract(year from {{ add_days(date, '4 - ' ~ iso_weekday(date)) }})
{%- endmacro %}


{# Select-list expression that makes one row per day of a closed range. #}
{% macro each_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('each_day')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__each_day(first_day, last_day) -%}
    cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__each_day(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}


{# The last business day of the run: the variable, else the last day in the data. The ref stays outside the
   condition, so that a manifest parsed without the variable also runs with it and the other way round. #}
{% macro as_of_date() -%}
    {%- set calendar = ref('int_calendar__as_of') -%}
    (select as_of_date from {{ calendar }})
{%- endmacro %}
