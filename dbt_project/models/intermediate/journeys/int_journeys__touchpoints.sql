-- One row per contact of a person with the company: web visits, contacts of other systems, catalogs in the letterbox.
--
-- A held-out customer of a mailing got none, and a drop after the last business day is still a plan. What a type of
-- contact means - its phase, channel and whether it belongs on a path - is said in seeds/touchpoint_phases.csv. A visit
-- without consent that led to an order is on no path of its own: the order itself carries its channel there.

{% set affected %}
with customers as (
    select customer_key from {{ changes('int_identity__customers') }}
),
days as (
    select min(as_of_date) as first_day, max(as_of_date) as last_day from {{ changes('int_calendar__as_of') }}
)
select concat('visit:', session_id) as touchpoint_id from {{ changes('int_web__sessions') }}
union all
select concat('visit:', session_id) from {{ changes('int_web__session_orders') }}
union all
select concat('visit:', placed.session_id)
from {{ stored('int_web__session_orders') }} as placed
inner join {{ changes('int_sales__conversions') }} as orders on placed.order_id = orders.conversion_id
union all
select concat('contact:', touchpoint_id) from {{ changes('stg_marketing__touchpoints') }}
union all
select concat('contact:', touchpoint_id) from {{ stored('stg_marketing__touchpoints') }}
where
    customer_key in (select customer_key from customers)
    or visitor_id in (select visitor_id from {{ changes('int_identity__visitors') }})
union all
select concat('mailing:', mailing_id, ':', customer_key) from {{ changes('stg_marketing__mailings') }}
union all
select concat('mailing:', mailings.mailing_id, ':', mailings.customer_key)
from {{ stored('stg_marketing__mailings') }} as mailings
cross join days
where
    mailings.customer_key in (select customer_key from customers)
    or mailings.dropped_date between days.first_day and days.last_day
{% endset %}
{{ config(
    materialized='keyed', key=['touchpoint_id'], affected=affected, cluster_by='touchpoint_date',
    logged=['touchpoint_id', 'person_id', 'touchpoint_date']
) }}

with ordering_visits as (

    select distinct placed.session_id
    from {{ ref('int_web__session_orders') }} as placed
    inner join {{ ref('int_sales__conversions') }} as orders on placed.order_id = orders.order_id

),

contacts as (

    select
        concat('visit:', sessions.session_id) as touchpoint_id,
        sessions.person_id,
        sessions.started_at as occurred_at,
        'visit' as touchpoint_type,
        'inbound' as direction,
        sessions.channel,
        sessions.campaign_id,
        sessions.phase,
        sessions.device_type,
        sessions.session_id,
        null as store_id,
        null as cost_eur,
        sessions.consent_analytics or ordering_visits.session_id is null as speaks_for_itself
    from {{ ref('int_web__sessions') }} as sessions
    left join ordering_visits on sessions.session_id = ordering_visits.session_id
    where {{ affected_only("concat('visit:', sessions.session_id)", 'touchpoint_id') }}

    union all

    select
        concat('contact:', contacts.touchpoint_id) as touchpoint_id,
        -- A contact that names nobody known is still a contact, of a person of its own.
        coalesce(
            customers.person_id, visitors.person_id, {{ hash_id(["'touchpoint'", 'contacts.touchpoint_id']) }}
        ) as person_id,
        contacts.occurred_at,
        contacts.touchpoint_type,
        contacts.direction,
        contacts.channel,
        contacts.campaign_id,
        null as phase,
        null as device_type,
        null as session_id,
        contacts.store_id,
        null as cost_eur,
        true as speaks_for_itself
    from {{ ref('stg_marketing__touchpoints') }} as contacts
    left join {{ ref('int_identity__customers') }} as customers on contacts.customer_key = customers.customer_key
    left join {{ ref('int_identity__visitors') }} as visitors on contacts.visitor_id = visitors.visitor_id
    where {{ affected_only("concat('contact:', contacts.touchpoint_id)", 'touchpoint_id') }}

    union all

    select
        concat('mailing:', mailings.mailing_id, ':', mailings.customer_key) as touchpoint_id,
        customers.person_id,
        mailings.dropped_at as occurred_at,
        'catalog_drop' as touchpoint_type,
        'outbound' as direction,
        'catalog' as channel,
        mailings.mailing_id as campaign_id,
        null as phase,
        null as device_type,
        null as session_id,
        null as store_id,
        mailings.unit_cost_eur as cost_eur,
        true as speaks_for_itself
    from {{ ref('stg_marketing__mailings') }} as mailings
    inner join {{ ref('int_identity__customers') }} as customers on mailings.customer_key = customers.customer_key
    where
        mailings.arm <> 'holdout'
        and mailings.dropped_date <= {{ as_of_date() }}
        and {{ affected_only("concat('mailing:', mailings.mailing_id, ':', mailings.customer_key)", 'touchpoint_id') }}

)

select
    contacts.touchpoint_id,
    contacts.person_id,
    {{ bucket_of('contacts.person_id') }} as person_bucket,
    contacts.occurred_at,
    {{ local_date('contacts.occurred_at') }} as touchpoint_date,
    contacts.touchpoint_type,
    coalesce(contacts.direction, types.default_direction, 'inbound') as direction,
    coalesce(contacts.channel, types.default_channel, 'other') as channel,
    contacts.campaign_id,
    cast(coalesce(contacts.phase, types.phase) as bigint) as phase,
    contacts.device_type,
    contacts.session_id,
    contacts.store_id,
    cast(contacts.cost_eur as decimal(18, 2)) as cost_eur,
    coalesce(types.is_path_contact, true) and contacts.speaks_for_itself as is_path_contact
from contacts
left join {{ ref('touchpoint_phases') }} as types on contacts.touchpoint_type = types.touchpoint_type
