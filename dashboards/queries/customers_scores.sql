-- One row per band of the score in the chosen segment.
select band_low, band_high, units, mean_score
from marts.rpt_customer_scores
where model = $model and segment = $segment
order by band_low
