-- One row per line of an order that counts, returns netted.

{{ config(materialized='view') }}

select
    order_id,
    line_no,
    product_id,
    category,
    ordered_at,
    order_date,
    region,
    units,
    revenue_eur,
    margin_eur,
    returned_eur
from {{ ref('int_sales__lines_netted') }}
where not is_order_returned
