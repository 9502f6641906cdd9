-- Models that score other units than they should: each once if the model is supported, none if it is not.
with expected as (
    select
        'purchase_intent' as model,
        count(distinct session_id) as units
    from intermediate.int_customers__visit_snapshots
    cross join intermediate.int_calendar__as_of as calendar
    where cut_off <> 'basket' and session_date > calendar.as_of_date - $recent_days::integer
    union all
    select
        'basket_abandonment' as model,
        count(*) as units
    from intermediate.int_customers__visit_snapshots
    cross join intermediate.int_calendar__as_of as calendar
    where cut_off = 'basket' and session_date > calendar.as_of_date - $recent_days::integer
    union all
    select
        'return_risk' as model,
        count(*) as units
    from intermediate.int_customers__order_lines
    where not is_known and not is_returned
    union all
    select
        unnest(['reorder', 'expected_orders', 'customer_value', 'churn']) as model,
        count(distinct orders.person_id) as units
    from intermediate.int_sales__conversions as orders
    inner join intermediate.int_customers__consents as consents
        on orders.person_id = consents.person_id and consents.allows_scores
    union all
    select
        'search_taste' as model,
        count(distinct person_id) as units
    from intermediate.int_customers__search_signals
),

scored as (
    select
        model,
        count(*) as rows,
        count(distinct unit_id) as units,
        count(*) filter (where not coalesce(score_low <= score and score <= score_high, false)) as without_interval
    from ml.customer_scores
    group by model
)

select
    models.model,
    models.verdict,
    expected.units as units_expected,
    scored.units as units_scored,
    scored.rows,
    scored.without_interval
from ml.customer_models as models
left join expected on models.model = expected.model
left join scored on models.model = scored.model
where
    case when models.verdict = 'supported' then coalesce(expected.units, scored.units, 0) else 0 end
    <> coalesce(scored.units, 0)
    or coalesce(scored.rows <> scored.units, false)
    or coalesce(scored.without_interval > 0, false)
