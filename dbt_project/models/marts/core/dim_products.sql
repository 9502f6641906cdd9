-- One row per product, latest delivery.

select
    product_id,
    name,
    category,
    brand,
    price_eur
from {{ ref('stg_sales__products') }}
