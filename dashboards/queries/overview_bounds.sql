select min(kpi_date) as first_day, max(kpi_date) as last_day
from marts.rpt_kpis_daily
