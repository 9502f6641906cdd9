-- One row per mailing x order of a recipient within a year before or the demand window after the drop.
--
-- Orders of all sales channels count, also those a person placed under another customer number. Where a mailing lists
-- a person twice, the order belongs to the number it was placed with, else to the first: it is never counted twice.

with candidates as (

    select
        recipients.mailing_id,
        recipients.customer_key,
        orders.order_id,
        {{ days_between('recipients.dropped_date', 'orders.conversion_date') }} as days_after_drop,
        orders.revenue_eur,
        orders.margin_eur,
        case when orders.customer_key = recipients.customer_key then 0 else 1 end as is_other_number
    from {{ ref('int_catalog__recipients') }} as recipients
    inner join {{ ref('int_sales__conversions') }} as orders on recipients.person_id = orders.person_id

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
