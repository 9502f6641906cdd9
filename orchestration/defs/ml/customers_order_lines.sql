-- One row per order line; known ones teach, those that may still come back are scored.
select
    * exclude (order_id, line_no, order_date),
    order_id || '|' || line_no as unit_id
from intermediate.int_customers__order_lines
order by order_id, line_no
