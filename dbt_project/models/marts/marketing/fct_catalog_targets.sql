-- One row per customer who may be mailed next, the most promising first.

select
    targets.customer_key,
    targets.treated_arm,
    features.segment,
    features.recency_class,
    targets.unit_cost as unit_cost_eur,
    targets.uplift as uplift_eur,
    targets.uplift_low as uplift_low_eur,
    targets.uplift_high as uplift_high_eur,
    targets.expected_margin as expected_margin_eur,
    targets.expected_profit as expected_profit_eur,
    targets.mail as is_mailed,
    row_number() over (order by targets.expected_profit desc, targets.customer_key asc) as mailing_rank
from {{ source('ml', 'catalog_targets') }} as targets
inner join {{ ref('int_catalog__features') }} as features
    on targets.customer_key = features.customer_key and features.mailing_id = 'next'
