-- One row per visitor (cookie or device): the person it belongs to, known or anonymous.
--
-- A device used by several people goes to the person it was seen with most; the customers themselves never merge
-- through it. Without consent to analytics nothing is linked, and a device seen with many persons belongs to nobody.

{% set affected %}
with customers as (
    select customer_key from {{ changes('int_identity__customers') }}
    union
    select customer_key from {{ changes('stg_sales__customers') }}
)
select visitor_id from {{ changes('int_identity__sightings') }}
union all
select visitor_id from {{ changes('stg_sales__orders') }}
union all
select visitor_id from {{ changes('stg_marketing__touchpoints') }}
union all
select id_value as visitor_id from {{ changes('stg_web__identity_links') }}
where id_type in ('cookie', 'device')
union all
select visitor_id from {{ stored('int_identity__sightings') }}
where customer_key in (select customer_key from customers)
union all
select visitor_id from {{ stored('stg_sales__orders') }}
where customer_key in (select customer_key from customers)
union all
select id_value as visitor_id from {{ stored('stg_web__identity_links') }}
where id_type in ('cookie', 'device') and customer_key in (select customer_key from customers)
{% endset %}
{{ config(
    materialized='keyed', key=['visitor_id'], affected=affected, logged=['visitor_id', 'person_id']
) }}

with sightings as (

    select *
    from {{ ref('int_identity__sightings') }}
    where {{ affected_only('visitor_id') }}

),

events as (

    select
        visitor_id,
        bool_or(has_consent) as has_consent
    from sightings
    group by visitor_id

),

-- What was seen of a visitor and a customer together.
evidence as (

    select
        visitor_id,
        customer_key,
        seen_count,
        last_seen_at as seen_at
    from sightings
    where customer_key is not null and seen_count > 0
    union all
    select
        visitor_id,
        customer_key,
        1 as seen_count,
        ordered_at as seen_at
    from {{ ref('stg_sales__orders') }}
    where customer_key is not null and visitor_id is not null and {{ affected_only('visitor_id') }}
    union all
    select
        id_value as visitor_id,
        customer_key,
        1 as seen_count,
        seen_at
    from {{ ref('stg_web__identity_links') }}
    where id_type in ('cookie', 'device') and {{ affected_only('id_value', 'visitor_id') }}

),

visitors as (

    select visitor_id from events
    union
    select visitor_id from evidence
    union
    select visitor_id from {{ ref('stg_marketing__touchpoints') }}
    where visitor_id is not null and {{ affected_only('visitor_id') }}

),

pairs as (

    select
        evidence.visitor_id,
        evidence.customer_key,
        sum(evidence.seen_count) as seen_count,
        max(evidence.seen_at) as last_seen_at
    from evidence
    left join events on evidence.visitor_id = events.visitor_id
    where coalesce(events.has_consent, {{ var('consent_if_unknown') }})
    group by evidence.visitor_id, evidence.customer_key

),

candidates as (

    select
        pairs.*,
        customers.person_id,
        sum(pairs.seen_count) over (partition by pairs.visitor_id, customers.person_id) as person_seen_count,
        max(pairs.last_seen_at) over (partition by pairs.visitor_id, customers.person_id) as person_last_seen_at
    from pairs
    inner join {{ ref('int_identity__customers') }} as customers on pairs.customer_key = customers.customer_key
    left join {{ ref('stg_sales__customers') }} as consents on pairs.customer_key = consents.customer_key
    where coalesce(consents.consent_analytics, true)

),

-- Customers that are one person, as a guest who orders with a new number each time, count once.
shared as (

    select visitor_id
    from candidates
    group by visitor_id
    having count(distinct person_id) > {{ var('identity_max_persons_per_device') }}

),

owners as (

    select
        candidates.visitor_id,
        candidates.customer_key,
        candidates.person_id
    from candidates
    left join shared on candidates.visitor_id = shared.visitor_id
    where shared.visitor_id is null
    qualify
        row_number() over (
            partition by candidates.visitor_id
            order by
                candidates.person_seen_count desc,
                candidates.person_last_seen_at desc nulls last,
                candidates.person_id asc,
                candidates.seen_count desc,
                candidates.last_seen_at desc nulls last,
                candidates.customer_key asc
        ) = 1

),

persons as (

    select
        visitors.visitor_id,
        owners.customer_key,
        coalesce(owners.person_id, {{ hash_id(["'visitor'", "visitors.visitor_id"]) }}) as person_id
    from visitors
    left join owners on visitors.visitor_id = owners.visitor_id

)

select
    visitor_id,
    person_id,
    {{ bucket_of('person_id') }} as person_bucket,
    customer_key
from persons
