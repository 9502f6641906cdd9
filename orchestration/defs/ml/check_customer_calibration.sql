-- Supported models whose probabilities did not come true out of time: off by more than a third, all tenths together.
select
    models.model,
    sum(bins.rows * bins.predicted) as predicted,
    sum(bins.rows * bins.observed) as observed
from ml.customer_models as models
inner join ml.customer_calibration as bins on models.model = bins.model
where models.verdict = 'supported'
group by models.model
having
    not coalesce(sum(bins.rows * bins.observed) / sum(bins.rows * bins.predicted) between 0.67 and 1.5, false)
    or min(bins.predicted) < 0
    or max(bins.predicted) > 1
