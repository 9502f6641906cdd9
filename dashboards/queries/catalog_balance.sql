select covariate, difference, difference_weighted
from ml.catalog_balance
where mailing_id = $mailing and treated_arm = $treated and control_arm = $control
order by abs(difference) desc, covariate
