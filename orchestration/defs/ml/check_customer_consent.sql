-- Scores and campaigns of people who did not agree, asked of the customer file and the visits themselves.
with objecting as (
    select persons.person_id
    from intermediate.int_identity__customers as persons
    inner join staging.stg_sales__customers as customers on persons.customer_key = customers.customer_key
    where customers.consent_analytics = false
),

unaddressable as (
    select persons.person_id
    from intermediate.int_identity__customers as persons
    left join staging.stg_sales__customers as customers on persons.customer_key = customers.customer_key
    where not coalesce(customers.consent_marketing, false) or customers.consent_analytics = false
)

select
    model,
    unit_type,
    unit_id,
    'the person objects to analytics' as why
from ml.customer_scores
where person_id in (select person_id from objecting)

union all

select
    scores.model,
    scores.unit_type,
    scores.unit_id,
    'the visit has no consent' as why
from ml.customer_scores as scores
left join intermediate.int_web__sessions as visits on scores.unit_id = visits.session_id
where scores.unit_type = 'visit' and not coalesce(visits.consent_analytics, false)

union all

select
    'next_best_campaign' as model,
    'person' as unit_type,
    person_id as unit_id,
    'the person did not agree to be addressed' as why
from ml.next_best_campaigns
where person_id in (select person_id from unaddressable)
