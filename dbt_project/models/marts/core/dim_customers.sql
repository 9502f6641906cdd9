-- One row per customer the company knows, with what they bought: returns netted, test orders out.

with orders as (

    select
        customer_key,
        min(conversion_date) as first_order_date,
        max(conversion_date) as last_order_date,
        count(*) as order_count,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur,
        bool_or(is_b2b) as is_b2b
    from {{ ref('int_sales__conversions') }}
    where customer_key is not null
    group by customer_key

)

select
    persons.customer_key,
    persons.person_id,
    customers.segment,
    customers.postal_code,
    customers.country,
    customers.region,
    -- The customer file knows orders from before the first delivery.
    least(customers.first_order_date, orders.first_order_date) as first_order_date,
    orders.last_order_date,
    coalesce(orders.order_count, 0) as order_count,
    cast(coalesce(orders.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
    cast(coalesce(orders.margin_eur, 0) as decimal(18, 2)) as margin_eur,
    coalesce(orders.is_b2b, customers.account_id is not null) as is_b2b,
    customers.account_id,
    customers.role,
    customers.consent_marketing
from {{ ref('int_identity__customers') }} as persons
left join {{ ref('stg_sales__customers') }} as customers on persons.customer_key = customers.customer_key
left join orders on persons.customer_key = orders.customer_key
