-- How far revenue moves from day to day: the spread of (day - day of the period before), same position in the period.
select
    count(*) as days,
    avg(k.revenue_eur - p.revenue_eur) as mean_difference,
    stddev_samp(k.revenue_eur - p.revenue_eur) / sqrt(count(*)) as standard_error
from marts.rpt_kpis_daily as k
inner join marts.rpt_kpis_daily as p on p.kpi_date = k.kpi_date - $days::integer
where k.kpi_date between $start::date and $end::date
