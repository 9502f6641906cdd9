-- One row per model of customers: how it did on later data, its verdict, and how many units it scores now.

with scored as (

    select
        model,
        count(*) as units
    from {{ source('ml', 'customer_scores') }}
    group by model

)

select
    models.model,
    models.unit_type,
    models.score_unit,
    models.rows,
    models.positives,
    models.validated,
    models.auc,
    models.auc_low,
    models.auc_high,
    models.average_precision,
    models.base_rate,
    models.ratio as observed_per_predicted,
    models.ratio_low as observed_per_predicted_low,
    models.ratio_high as observed_per_predicted_high,
    models.shuffled_auc,
    models.verdict,
    coalesce(scored.units, 0) as units_scored,
    fits.trained_at
from {{ source('ml', 'customer_models') }} as models
left join scored on models.model = scored.model
left join {{ source('ml', 'model_fits') }} as fits
    on
        fits.model = case
            when models.model in ('reorder', 'expected_orders', 'churn') then 'customer_value' else models.model
        end
