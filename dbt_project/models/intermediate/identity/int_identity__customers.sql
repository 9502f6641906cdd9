-- One row per customer: the person behind it, merged only by a shared e-mail, phone or card.
--
-- Each shared id ties its customers to the smallest of them, and the smallest key then walks along the ties until
-- nothing changes. An id that many customers share (a terminal, an info@ mailbox) ties nobody.

--
-- A link that came or went can only join or split the persons it touches: whole old persons of all customers that
-- share a touched id are derived anew together.

{% set sources = [
    'stg_sales__customers', 'stg_sales__orders', 'int_identity__sightings', 'stg_web__identity_links',
    'stg_marketing__touchpoints', 'stg_marketing__mailings'
] %}
{% set affected %}
with touched as (
    {% for source in sources %}
    select customer_key from {{ changes(source) }}
    union
    {% endfor %}
    select links.customer_key
    from {{ stored('stg_web__identity_links') }} as links
    inner join {{ changes('stg_web__identity_links') }} as changed
        on links.id_type = changed.id_type and links.id_value = changed.id_value
)
select customer_key from touched
union all
select members.customer_key
from {{ stored('int_identity__customers') }} as members
where members.person_id in (
    select persons.person_id
    from {{ stored('int_identity__customers') }} as persons
    inner join touched on persons.customer_key = touched.customer_key
)
{% endset %}
{{ config(materialized='keyed', key=['customer_key'], affected=affected) }}

{% set links = stored('stg_web__identity_links') ~ ' where ' ~ affected_only('customer_key') %}
{% set of_affected = 'id_value in (select id_value from ' ~ links ~ ')' if is_partial() else 'true' %}

with recursive customers as (

    {% for source in sources %}
        select customer_key from {{ ref(source) }}
        where customer_key is not null and {{ affected_only('customer_key') }}
        {{ 'union' if not loop.last }}
    {% endfor %}

),

-- All customers count for whether an id is shared by too many, whoever is looked at.
ids as (

    select
        id_type,
        id_value,
        customer_key
    from {{ ref('stg_web__identity_links') }}
    where
        id_type in ('email', 'phone', 'card')
        and {{ of_affected }}

),

shared_ids as (

    select
        id_type,
        id_value,
        min(customer_key) as first_customer_key
    from ids
    group by id_type, id_value
    having count(distinct customer_key) between 2 and {{ var('identity_max_customers_per_id') }}

),

ties as (

    select
        links.customer_key,
        shared_ids.first_customer_key as tied_key
    from ids as links
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
