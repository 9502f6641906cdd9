-- Models that know too much: an AUC nobody reaches honestly, or one on shuffled labels that is not .5.
select
    model,
    auc,
    shuffled_auc
from ml.customer_models
where
    auc > 0.99
    or abs(shuffled_auc - 0.5)
    > greatest(0.02, 4.5 * sqrt((validated + 1) / (36.0 * greatest(validated * validated * base_rate * (1 - base_rate), 1))))
