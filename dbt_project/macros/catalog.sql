{# Days since the last order in the classes every report uses. #}
{% macro recency_class(days) -%}
    case
        when {{ days }} <= 90 then '0-90 days'
        when {{ days }} <= 180 then '91-180 days'
        when {{ days }} <= 365 then '181-365 days'
        when {{ days }} > 365 then 'over 365 days'
        else 'none known'
    end
{%- endmacro %}
