-- One row per customer: the person behind it, merged only by a shared e-mail, phone or card.
--
-- Each shared id ties its customers to the smallest of them, and the smallest key then walks along the ties until
-- nothing changes. An id that many customers share (a terminal, an info@ mailbox) ties nobody.

with recursive customers as (

    select customer_key from {{ ref('stg_sales__customers') }}
    union
    select customer_key from {{ ref('stg_sales__orders') }}
    where customer_key is not null
    union
    select customer_key from {{ ref('stg_web__events') }}
    where customer_key is not null
    union
    select customer_key from {{ ref('stg_web__identity_links') }}
    union
    select customer_key from {{ ref('stg_marketing__touchpoints') }}
    where customer_key is not null
    union
    select customer_key from {{ ref('stg_marketing__mailings') }}

),

shared_ids as (

    select
        id_type,
        id_value,
        min(customer_key) as first_customer_key
    from {{ ref('stg_web__identity_links') }}
    where id_type in ('email', 'phone', 'card')
    group by id_type, id_value
    having count(distinct customer_key) between 2 and {{ var('identity_max_customers_per_id') }}

),

ties as (

    select
        links.customer_key,
        shared_ids.first_customer_key as tied_key
    from {{ ref('stg_web__identity_links') }} as links
    inner join shared_ids on links.id_type = shared_ids.id_type and links.id_value = shared_ids.id_value
    where links.customer_key <> shared_ids.first_customer_key

),

neighbours as (

    select
        customer_key,
        tied_key
    from ties
    union
    select
        tied_key as customer_key,
        customer_key as tied_key
    from ties

),

-- Only keys smaller than the customer's own walk on: the smallest of a cluster is never stopped by that.
reached as (

    select
        customer_key,
        customer_key as label
    from neighbours
    union
    select
        neighbours.tied_key as customer_key,
        reached.label
    from reached
    inner join neighbours on reached.customer_key = neighbours.customer_key
    where reached.label < neighbours.tied_key

),

clusters as (

    select
        customer_key,
        min(label) as cluster_key
    from reached
    group by customer_key

),

persons as (

    select
        customers.customer_key,
        {{ hash_id(["'customer'", "coalesce(clusters.cluster_key, customers.customer_key)"]) }} as person_id
    from customers
    left join clusters on customers.customer_key = clusters.customer_key

)

select
    customer_key,
    person_id,
    {{ bucket_of('person_id') }} as person_bucket,
    count(*) over (partition by person_id) as person_customer_count
from persons
