-- One row per mailing x order of a customer of its audience, before or after the drop.
--
-- Orders of all sales channels count, also those a person placed under another customer number. Where a mailing lists
-- a person twice, the order belongs to the number it was placed with, else to the first: it is never counted twice.

with candidates as (

    select
        audience.mailing_id,
        audience.customer_key,
        orders.order_id,
        {{ days_between('audience.dropped_date', 'orders.conversion_date') }} as days_after_drop,
        orders.revenue_eur,
        orders.margin_eur,
        case when orders.customer_key = audience.customer_key then 0 else 1 end as is_other_number
    from {{ ref('int_catalog__audience') }} as audience
    inner join {{ ref('int_sales__conversions') }} as orders on audience.person_id = orders.person_id

)

select
    mailing_id,
    customer_key,
    order_id,
    days_after_drop,
    revenue_eur,
    margin_eur
from candidates
qualify row_number() over (partition by mailing_id, order_id order by is_other_number, customer_key) = 1
