-- One row per customer, latest delivery.

{% set affected = delivered_keys('customers', stored('stg_sales__customers'), ['customer_key']) %}
{{ config(
    materialized='keyed', key=['customer_key'], affected=affected,
    unlogged=['loaded_at', 'delivery_date']
) }}

with customers as (

    select
        *,
        upper(coalesce(country, '{{ var("default_country") }}')) as region_country
    from {{ source('raw', 'customers') }}
    where {{ affected_only('customer_key') }}
    qualify {{ latest_delivery(['customer_key']) }}

),

regions as (

    {{ regions_of('customers', 'postal_code', 'region_country') }}

)

select
    customers.customer_key,
    customers.segment,
    customers.postal_code,
    customers.country,
    regions.region,
    customers.first_order_at,
    {{ local_date('customers.first_order_at') }} as first_order_date,
    customers.account_id,
    customers.role,
    customers.consent_analytics,
    customers.consent_marketing,
    customers._source as feed,
    customers._delivery_date as delivery_date,
    customers._loaded_at as loaded_at
from customers
left join regions
    on customers.region_country = regions.country and customers.postal_code = regions.postal_code
