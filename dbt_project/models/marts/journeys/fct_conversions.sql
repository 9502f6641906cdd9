-- One row per order that counts, returns and cancellations netted.

{{ config(materialized='view') }}

select
    conversion_id,
    order_id,
    person_id,
    person_bucket,
    customer_key,
    converted_at,
    conversion_date,
    sales_channel,
    store_id,
    region,
    device_type,
    is_b2b,
    is_first_order,
    has_coupon,
    units,
    gross_revenue_eur,
    discount_eur,
    cast(returned_eur as decimal(18, 2)) as returned_eur,
    cast(revenue_eur as decimal(18, 2)) as revenue_eur,
    cast(margin_eur as decimal(18, 2)) as margin_eur
from {{ ref('int_sales__conversions') }}
