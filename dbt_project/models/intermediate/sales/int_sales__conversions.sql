-- One row per order that counts: neither a test nor cancelled nor wholly sent back; partial returns are netted.
--
-- An order that names neither a known customer nor a known visitor (cash at the till) is a person of its own.

{% set affected %}
with orders as (
    select order_id from {{ changes('stg_sales__orders') }}
    union
    select order_id from {{ changes('int_sales__lines_netted') }}
    union
    select order_id from {{ changes('int_web__sessions') }}
    union
    select orders.order_id
    from {{ stored('stg_sales__orders') }} as orders
    where
        orders.customer_key in (
            select customer_key from {{ changes('int_identity__customers') }}
            union all
            select customer_key from {{ changes('stg_sales__customers') }}
        )
        or orders.visitor_id in (select visitor_id from {{ changes('int_identity__visitors') }})
),
persons as (
    select conversions.person_id
    from {{ stored('int_sales__conversions') }} as conversions
    inner join orders on conversions.order_id = orders.order_id
    union
    select coalesce(customers.person_id, visitors.person_id) as person_id
    from orders
    inner join {{ stored('stg_sales__orders') }} as named on orders.order_id = named.order_id
    left join {{ stored('int_identity__customers') }} as customers on named.customer_key = customers.customer_key
    left join {{ stored('int_identity__visitors') }} as visitors on named.visitor_id = visitors.visitor_id
)
select order_id from orders
union all
select conversions.order_id
from {{ stored('int_sales__conversions') }} as conversions
inner join persons on conversions.person_id = persons.person_id
{% endset %}
{{ config(
    materialized='keyed', key=['conversion_id'], affected=affected, scope=['order_id'],
    logged=['conversion_id', 'person_id', 'conversion_date']
) }}

with lines as (

    select
        order_id,
        sum(units) as units,
        sum(revenue_eur) as revenue_eur,
        sum(returned_eur) as returned_eur,
        case when count(margin_eur) = count(*) then sum(margin_eur) end as margin_eur
    from {{ ref('int_sales__order_lines') }}
    where {{ affected_only('order_id') }}
    group by order_id

),

-- The visit in which the order was placed.
visits as (

    select
        order_id,
        min_by(device_type, session_id) as device_type
    from {{ ref('int_web__sessions') }}
    where order_id is not null and {{ affected_only('order_id') }}
    group by order_id

),

orders as (

    select
        orders.*,
        lines.units,
        lines.revenue_eur,
        lines.returned_eur,
        lines.margin_eur,
        visits.device_type,
        known.first_order_date,
        coalesce(customers.person_id, visitors.person_id, {{ hash_id(["'order'", 'orders.order_id']) }}) as person_id
    from {{ ref('stg_sales__orders') }} as orders
    inner join lines on orders.order_id = lines.order_id
    left join visits on orders.order_id = visits.order_id
    left join {{ ref('int_identity__customers') }} as customers on orders.customer_key = customers.customer_key
    left join {{ ref('int_identity__visitors') }} as visitors on orders.visitor_id = visitors.visitor_id
    left join {{ ref('stg_sales__customers') }} as known on orders.customer_key = known.customer_key

)

select
    order_id as conversion_id,
    order_id,
    person_id,
    {{ bucket_of('person_id') }} as person_bucket,
    customer_key,
    ordered_at as converted_at,
    order_date as conversion_date,
    sales_channel,
    store_id,
    region,
    device_type,
    is_b2b,
    -- The customer register may know of an order before the first one delivered here.
    row_number() over (partition by person_id order by ordered_at, order_id) = 1
    and coalesce(first_order_date, order_date) >= order_date as is_first_order,
    coalesce(coupon_code, '') <> '' as has_coupon,
    units,
    gross_amount_eur as gross_revenue_eur,
    discount_amount_eur as discount_eur,
    returned_eur,
    revenue_eur,
    margin_eur
from orders
