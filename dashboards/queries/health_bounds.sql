select min(traffic_date) as first_day, max(traffic_date) as last_day
from marts.rpt_traffic_quality_daily
