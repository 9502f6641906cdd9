{# Two columns, `token` and `position` (from 1): one row per word of a text of words with single spaces. #}
{% macro numbered_words(text) -%}
    {{ return(adapter.dispatch('numbered_words')(text)) }}
{%- endmacro %}

{% macro default__numbered_words(text) -%}
    unnest(string_split({{ text }}, ' ')) as token,
    generate_subscripts(string_split({{ text }}, ' '), 1) as position
{%- endmacro %}

{% macro spark__numbered_words(text) -%}
    posexplode(split({{ text }}, ' ')) as (position, token)
{%- endmacro %}


{# Regular-expression replacement of every match; \1 in the replacement is the first group. #}
{% macro replace_all(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_all')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro spark__replace_all(text, pattern, replacement) -%}
    regexp_replace(
        {{ text }}, '{{ pattern | replace("\\", "\\\\") }}', '{{ replacement | replace("\\", "$") }}'
    )
{%- endmacro %}


{# Words and emoji of a post with single spaces, `.` where a clause ends; addresses and scrubbed names are left out. #}
{% macro words_of_post(text) -%}
    {%- set steps = [
        ('https?://\\S+|www\\.\\S+|\\[(e-mail|handle|phone|account)\\]', ' '),
        ('(^|\\s)[:;=]-?[)D]', ' 🙂 '),
        ('(^|\\s)[:;=]-?[(]', ' 🙁 '),
        ('<3', ' ❤ '),
        ("''|’", ''),
        ('[.!?;:,…–—\\n]+|\\s-\\s', ' . '),
        ('(\\p{So})', ' \\1 '),
        ('[^\\pL\\pN.\\p{So}]+', ' ')
    ] -%}
    {%- set ns = namespace(sql="coalesce(" ~ text ~ ", '')") -%}
    {%- for pattern, replacement in steps -%}
        {%- set ns.sql = replace_all(ns.sql, pattern, replacement) -%}
    {%- endfor -%}
    trim({{ ns.sql }})
{%- endmacro %}
