{# Quartiles are either all empty or rising; shares lie strictly between 0 and 1, everything else above 0. #}
{% test cji_quantiles_ordered(model) %}

select *
from {{ model }}
where
    (p25 is null) <> (p50 is null)
    or (p50 is null) <> (p75 is null)
    or not (coalesce(p25, 0.1) <= coalesce(p50, 0.1) and coalesce(p50, 0.1) <= coalesce(p75, 0.1))
    or coalesce(p25, 0.1) <= 0
    or (parameter in ('visits', 'comeback') and coalesce(p75, 0.1) >= 1)

{% endtest %}
