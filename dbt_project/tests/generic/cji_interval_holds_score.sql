{# A value and its interval come together, and the value lies inside. #}
{% test cji_interval_holds_score(model, value, low, high) %}

select {{ value }}, {{ low }}, {{ high }}
from {{ model }}
where
    ({{ value }} is null) <> ({{ low }} is null)
    or ({{ value }} is null) <> ({{ high }} is null)
    or {{ value }} < {{ low }}
    or {{ value }} > {{ high }}

{% endtest %}
