{# A condition is true for every row; unknown counts as broken. #}
{% test row_holds(model, condition) %}

select *
from {{ model }}
where not coalesce({{ condition }}, false)

{% endtest %}
