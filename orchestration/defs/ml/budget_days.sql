-- One row per local day: what advertising is judged by, what else moves it, and what was asked for.
select
    days.sale_date,
    case settings.outcome
        when 'revenue' then days.revenue_eur
        when 'margin' then days.margin_eur
        else cast(days.orders as double)
    end as outcome,
    days.revenue_with_margin_eur,
    days.margin_eur,
    days.temperature_max_celsius,
    days.precipitation_mm,
    days.sunshine_minutes,
    cast(days.promotions as double) as promotions,
    settings.outcome as outcome_name,
    settings.lowest_share,
    settings.highest_share,
    settings.step_eur,
    settings.countries
from intermediate.int_budget__days as days
cross join intermediate.int_budget__settings as settings
order by days.sale_date
