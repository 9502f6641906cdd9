{# One text value of a JSON object; NULL when the key is missing, the text is empty or is no JSON. #}
{% macro json_text(json, key) -%}
    {{ return(adapter.dispatch('json_text')(json, key)) }}
{%- endmacro %}

{% macro default__json_text(json, key) -%}
    nullif(case when json_valid({{ json }}) then json_extract_string({{ json }}, '$.{{ key }}') end, '')
{%- endmacro %}

{% macro spark__json_text(json, key) -%}
    nullif(get_json_object({{ json }}, '$.{{ key }}'), '')
{%- endmacro %}
