{# At least this share of rows has a value; an empty table passes. #}
{% test not_null_share(model, column_name, at_least) %}

select count(*) as all_rows, count({{ column_name }}) as filled_rows
from {{ model }}
having count({{ column_name }}) < {{ at_least }} * count(*)

{% endtest %}
