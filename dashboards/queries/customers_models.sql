-- One row per model, those that score somebody first.
select model, unit_type, score_unit, rows, validated, auc, auc_low, auc_high, average_precision, base_rate,
    observed_per_predicted, observed_per_predicted_low, observed_per_predicted_high, verdict, units_scored
from marts.rpt_customer_models
where model not in ('search_taste', 'visit_stage')
order by verdict <> 'supported',
    list_position(
        ['purchase_intent', 'basket_abandonment', 'reorder', 'churn', 'return_risk', 'customer_value', 'expected_orders'],
        model
    )
