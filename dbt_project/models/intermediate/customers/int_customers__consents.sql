-- One row per person with a customer number: may it be scored, and may a campaign be chosen for it?
--
-- A person with several numbers has agreed only if none of them says no. To be scored takes no objection, to be
-- addressed takes a yes. Where the shop delivers consents at all, a number it says nothing about has given none: its
-- row may be late or rejected.

with customers as (

    select
        customer_key,
        consent_analytics,
        consent_marketing
    from {{ ref('stg_sales__customers') }}

),

silence as (

    select {{ var('consent_if_unknown') }} and count(consent_analytics) = 0 as means_consent
    from customers

)

select
    persons.person_id,
    bool_and(coalesce(customers.consent_analytics, silence.means_consent)) as allows_scores,
    bool_and(
        coalesce(customers.consent_analytics, silence.means_consent)
        and coalesce(customers.consent_marketing, false)
    ) as allows_campaigns
from {{ ref('int_identity__customers') }} as persons
cross join silence
left join customers on persons.customer_key = customers.customer_key
group by persons.person_id
