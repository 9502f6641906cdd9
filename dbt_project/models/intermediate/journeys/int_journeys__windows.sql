-- One row per reporting window; all end on the last business day.

with limits as (

    select
        {{ as_of_date() }} as last_day,
        (select min(end_date) from {{ ref('int_journeys__journeys') }}) as first_journey_day,
        (select min(cost_date) from {{ ref('int_attribution__costs') }}) as first_cost_day

)

{% for days in [28, 90, 365] %}
    select
        'last_{{ days }}_days' as window_name,
        {{ add_days('last_day', 1 - days) }} as window_start,
        last_day as window_end
    from limits

    union all
{% endfor %}

select
    'all' as window_name,
    least(
        coalesce(first_journey_day, first_cost_day, last_day), coalesce(first_cost_day, first_journey_day, last_day)
    ) as window_start,
    last_day as window_end
from limits
