{# What daily weather needs beside the shared time macros. #}

{% macro weather_measures() -%}
    {{ return(['temperature_celsius', 'precipitation_mm', 'sunshine_minutes', 'wind_speed_ms', 'humidity_share']) }}
{%- endmacro %}


{# The instant a local day begins: a day of the summer-time change has 23 or 25 hours. #}
{% macro local_midnight(date) -%}
    {{ return(adapter.dispatch('local_midnight')(date)) }}
{%- endmacro %}

{% macro default__local_midnight(date) -%}
    timezone('{{ var("timezone") }}', cast({{ date }} as timestamp))
{%- endmacro %}

{% macro spark__local_midnight(date) -%}
    to_utc_timestamp(cast({{ date }} as timestamp), '{{ var("timezone") }}')
{%- endmacro %}


{# Position of a day in its year, 1 to 365; the last day of a leap year joins the one before. #}
{% macro day_of_year(date) -%}
    least(extract(doy from {{ date }}), 365)
{%- endmacro %}


{# Great-circle distance in kilometres between two places in degrees (haversine formula, sphere of 6,371.0088 km). #}
{% macro distance_km(latitude, longitude, other_latitude, other_longitude) -%}
    2 * 6371.0088 * asin(least(1.0, sqrt(
        power(sin(radians({{ other_latitude }} - {{ latitude }}) / 2), 2)
        + cos(radians({{ latitude }})) * cos(radians({{ other_latitude }}))
        * power(sin(radians({{ other_longitude }} - {{ longitude }}) / 2), 2)
    )))
{%- endmacro %}
