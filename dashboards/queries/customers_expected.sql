-- One row per model: how many units have a score in the chosen segment, and the sum expected of them.
select model, sum(units)::bigint as units, sum(units * mean_score) as expected
from marts.rpt_customer_scores
where segment = $segment
group by model
