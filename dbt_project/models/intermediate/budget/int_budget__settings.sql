-- One row: what the budget model was asked for; set by the variables in dbt_project.yml.

{{ config(materialized='view') }}

{%- set outcome = var('budget_outcome', 'revenue') %}
{%- if outcome not in ('revenue', 'margin', 'orders') %}
    {{ exceptions.raise_compiler_error(
        "budget_outcome is '" ~ outcome ~ "'; expected one of revenue, margin, orders"
    ) }}
{%- endif %}

select
    '{{ outcome }}' as outcome,
    cast({{ var('budget_lowest_share', 0.5) }} as double) as lowest_share,
    cast({{ var('budget_highest_share', 2) }} as double) as highest_share,
    cast({{ var('budget_step_eur', 1) }} as double) as step_eur,
    '{{ var("budget_countries", ["DE", "AT", "CH"]) | join(" ") }}' as countries
