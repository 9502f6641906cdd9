-- One row per tenth of the later units.
select bin, rows, predicted, observed, observed_low, observed_high
from marts.rpt_customer_calibration
where model = $model
order by bin
