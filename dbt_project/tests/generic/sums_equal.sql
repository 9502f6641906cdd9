{# The sum of an expression equals the sum of another over another relation: nothing lost on the way. #}
{% test sums_equal(model, expression, other, other_expression=none, where='true', other_where='true', tolerance=0) %}

with totals as (

    select
        (select coalesce(sum({{ expression }}), 0) from {{ model }} where {{ where }}) as total,
        (
            select coalesce(sum({{ other_expression or expression }}), 0) from {{ other }} where {{ other_where }}
        ) as other_total

)

select total, other_total
from totals
where abs(total - other_total) > {{ tolerance }}

{% endtest %}
