select share, uplift, profit, profit_low, profit_high, added, added_low, added_high, added_at_random
from ml.catalog_curve
order by share
