-- One row: the last business day the numbers speak about, and the first day of the data.

{% set as_of = var('as_of_date') %}
{{ config(materialized='keyed', key=['first_date', 'as_of_date']) }}

with days as (

    select
        min(event_date) as first_day,
        max(event_date) as last_day
    from {{ ref('stg_web__events') }}
    union all
    select
        min(order_date) as first_day,
        max(order_date) as last_day
    from {{ ref('stg_sales__orders') }}

)

select
    coalesce(min(first_day), current_date) as first_date,
    {% if as_of %}cast('{{ as_of }}' as date){% else %}coalesce(max(last_day), current_date){% endif %} as as_of_date
from days
