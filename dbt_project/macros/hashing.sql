{# Ids and buckets that come out the same on every engine, in every version and on every day. #}

{% macro hash_id(columns) -%}
    md5(concat_ws('|', {% for column in columns %}cast({{ column }} as {{ dbt.type_string() }}){{ ', ' if not loop.last }}{% endfor %}))
{%- endmacro %}


{# 0-99 from a text id: the unit of the delete-one-bucket jackknife. #}
{% macro bucket_of(id) -%}
    {{ return(adapter.dispatch('bucket_of')(id)) }}
{%- endmacro %}

{% macro default__bucket_of(id) -%}
    cast(('0x' || substr(md5({{ id }}), 1, 8))::bigint % 100 as bigint)
{%- endmacro %}

{% macro spark__bucket_of(id) -%}
    cast(conv(substr(md5({{ id }}), 1, 8), 16, 10) as bigint) % 100
{%- endmacro %}
