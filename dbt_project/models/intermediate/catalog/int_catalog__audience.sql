-- One row per mailing x customer whose purchases tell what the mailing did, or who may get the next one.
--
-- Those on a mailing's list; where the list holds nobody out, also the customers of that day who got nothing (arm
-- `not mailed`); and as mailing `next` everyone who may be scored and addressed, one number per person. A list is drawn
-- some days before the drop (variable `catalog_list_days`): what is known of a customer is known by then.

{% set list_days = var('catalog_list_days', 14) %}

with mailings as (

    select
        mailing_id,
        min(dropped_date) as dropped_date,
        bool_or(is_holdout) as has_holdout
    from {{ ref('int_catalog__recipients') }}
    group by mailing_id

),

customers as (

    select
        known.customer_key,
        coalesce(numbers.person_id, known.customer_key) as person_id,
        known.first_order_date,
        known.consent_marketing
    from {{ ref('stg_sales__customers') }} as known
    left join {{ ref('int_identity__customers') }} as numbers on known.customer_key = numbers.customer_key

),

listed as (

    select
        mailing_id,
        customer_key,
        person_id,
        arm,
        dropped_date,
        cost_eur
    from {{ ref('int_catalog__recipients') }}

),

not_mailed as (

    select
        mailings.mailing_id,
        customers.customer_key,
        customers.person_id,
        'not mailed' as arm,
        mailings.dropped_date,
        0 as cost_eur
    from mailings
    inner join customers
        on customers.first_order_date < {{ add_days('mailings.dropped_date', -list_days) }}
    left join listed
        on mailings.mailing_id = listed.mailing_id and customers.person_id = listed.person_id
    where
        not mailings.has_holdout
        and listed.person_id is null
        and coalesce(customers.consent_marketing, true)

),

next_mailing as (

    select
        'next' as mailing_id,
        customers.customer_key,
        customers.person_id,
        'candidate' as arm,
        {{ add_days(as_of_date(), list_days + 1) }} as dropped_date,
        0 as cost_eur
    from customers
    inner join {{ ref('int_customers__consents') }} as consents on customers.person_id = consents.person_id
    where customers.consent_marketing and consents.allows_campaigns
    qualify
        row_number() over (
            partition by customers.person_id order by customers.first_order_date, customers.customer_key
        ) = 1

),

audience as (

    select * from listed
    union all
    select * from not_mailed
    union all
    select * from next_mailing

)

select
    mailing_id,
    customer_key,
    person_id,
    arm,
    dropped_date,
    cast({{ add_days('dropped_date', -list_days) }} as date) as list_date,
    cast(cost_eur as decimal(18, 2)) as cost_eur
from audience
