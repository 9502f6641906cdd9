-- One row per day of the period, beside the same weekday 52 weeks earlier.
select
    k.kpi_date,
    k.sessions,
    k.orders,
    k.revenue_eur::double as revenue_eur,
    k.margin_eur::double as margin_eur,
    k.cost_eur::double as cost_eur,
    k.web_conversions / nullif(k.sessions, 0) as conversion_rate,
    y.sessions as sessions_year,
    y.orders as orders_year,
    y.revenue_eur::double as revenue_eur_year,
    y.margin_eur::double as margin_eur_year,
    y.cost_eur::double as cost_eur_year,
    y.web_conversions / nullif(y.sessions, 0) as conversion_rate_year
from marts.rpt_kpis_daily as k
left join marts.rpt_kpis_daily as y on y.kpi_date = k.kpi_date - interval 364 days
where k.kpi_date between $start::date and $end::date
order by k.kpi_date
