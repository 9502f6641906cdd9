-- One row per mailing x customer on its list, held-out ones included: the person, and the window of demand.
--
-- A held-out customer got nothing on a day of its own: it is watched from the day the mailing dropped.

with recipients as (

    select * from {{ ref('stg_marketing__mailings') }}

),

mailings as (

    select
        mailing_id,
        min(dropped_date) as dropped_date
    from recipients
    group by mailing_id

)

select
    recipients.mailing_id,
    recipients.customer_key,
    coalesce(customers.person_id, recipients.customer_key) as person_id,
    recipients.arm,
    recipients.arm = 'holdout' as is_holdout,
    recipients.wave,
    coalesce(recipients.dropped_date, mailings.dropped_date) as dropped_date,
    coalesce(recipients.unit_cost_eur, 0) as cost_eur
from recipients
inner join mailings on recipients.mailing_id = mailings.mailing_id
left join {{ ref('int_identity__customers') }} as customers on recipients.customer_key = customers.customer_key
