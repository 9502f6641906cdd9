{# Which contacts and which orders attribution speaks of; set by the variables in dbt_project.yml, read by every model. #}

{# Path transforms, the same as in ml/paths.py. #}
{% macro path_transform() -%}
    {%- set known = ['none', 'unique', 'exposure', 'first', 'remove_if_not_all', 'remove_if_last_and_not_all'] -%}
    {%- set transform = var('attribution_transform', 'none') -%}
    {%- if transform not in known -%}
        {{ exceptions.raise_compiler_error(
            "attribution_transform is '" ~ transform ~ "'; expected one of " ~ known | join(', ')
        ) }}
    {%- endif -%}
    {{ return(transform) }}
{%- endmacro %}


{# Steps of paths (conversion_id, step_number, channel, campaign_id, at_micros) after the transform, numbered anew. #}
{% macro transformed_steps(steps) -%}
    {%- set transform = path_transform() -%}
    {%- set other = "channel <> '" ~ var('attribution_transform_channel', 'direct') ~ "'" -%}
    {%- if transform in ('none', 'unique') -%}
    select * from {{ steps }}
    {%- else -%}
    select
        conversion_id,
        channel,
        campaign_id,
        at_micros,
        row_number() over (partition by conversion_id order by step_number) as step_number
    from (
        select
            *,
            {% if transform == 'exposure' -%}
            coalesce(lag(channel) over (partition by conversion_id order by step_number) <> channel, true)
            {%- elif transform == 'first' -%}
            row_number() over (partition by conversion_id, channel order by step_number) = 1
            {%- elif transform == 'remove_if_not_all' -%}
            {{ other }} or max(case when {{ other }} then 1 else 0 end) over (partition by conversion_id) = 0
            {%- else -%}
            step_number <= coalesce(
                max(case when {{ other }} then step_number end) over (partition by conversion_id), step_number
            )
            {%- endif %} as is_kept
        from {{ steps }}
    ) as marked
    where is_kept
    {%- endif -%}
{%- endmacro %}


{# Condition for the orders that are credited: any, a person's first, or the repeated ones. #}
{% macro attributed_orders(is_first_order='is_first_order') -%}
    {%- set orders = var('attribution_orders', 'any') -%}
    {%- if orders not in ('any', 'first', 'repeat') -%}
        {{ exceptions.raise_compiler_error("attribution_orders is '" ~ orders ~ "'; expected any, first or repeat") }}
    {%- endif -%}
    {{ {'any': 'true', 'first': is_first_order, 'repeat': 'not ' ~ is_first_order}[orders] }}
{%- endmacro %}
