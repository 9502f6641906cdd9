-- One row per person with a customer number: may it be scored, and may a campaign be chosen for it?
--
-- A person with several numbers has agreed only if none of them says no. To be scored takes no objection, to be
-- addressed takes a yes.

select
    persons.person_id,
    bool_and(coalesce(customers.consent_analytics, {{ var('consent_if_unknown') }})) as allows_scores,
    bool_and(
        coalesce(customers.consent_analytics, {{ var('consent_if_unknown') }})
        and coalesce(customers.consent_marketing, false)
    ) as allows_campaigns
from {{ ref('int_identity__customers') }} as persons
left join {{ ref('stg_sales__customers') }} as customers on persons.customer_key = customers.customer_key
group by persons.person_id
