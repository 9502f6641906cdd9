-- One row per compared period: chosen, the one before, the one a year before; days tells whether it is complete.
with periods (period, period_start, period_end) as (
    values
    ('current', $start::date, $end::date),
    ('previous', $previous_start::date, $previous_end::date),
    ('year', $year_start::date, $year_end::date)
)

select
    p.period,
    count(k.kpi_date) as days,
    sum(k.sessions) as sessions,
    sum(k.orders) as orders,
    sum(k.web_conversions) as web_conversions,
    sum(k.revenue_eur)::double as revenue_eur,
    sum(k.margin_eur)::double as margin_eur,
    sum(k.cost_eur)::double as cost_eur,
    sum(k.web_conversions) / nullif(sum(k.sessions), 0) as conversion_rate
from periods as p
left join marts.rpt_kpis_daily as k on k.kpi_date between p.period_start and p.period_end
group by p.period
