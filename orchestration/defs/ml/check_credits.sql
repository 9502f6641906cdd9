-- Windows whose credits do not add up to the orders and the revenue of their journeys.
with credited as (
    select
        window_name,
        level,
        any_value(window_start) as window_start,
        any_value(window_end) as window_end,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur
    from ml.channel_credits
    group by window_name, level
),

observed as (
    select
        credited.window_name,
        credited.level,
        count(*) filter (where journeys.is_converted) as conversions,
        coalesce(sum(journeys.revenue_eur) filter (where journeys.is_converted), 0) as revenue_eur
    from credited
    inner join marts.fct_journeys as journeys
        on journeys.end_date between credited.window_start and credited.window_end
    group by credited.window_name, credited.level
)

select
    window_name,
    level,
    credited.conversions as conversions_credited,
    observed.conversions as conversions_observed,
    credited.revenue_eur as revenue_credited,
    observed.revenue_eur as revenue_observed
from credited
full outer join observed using (window_name, level)
where
    coalesce(abs(credited.conversions - observed.conversions) > 1e-6 * greatest(observed.conversions, 1), true)
    or coalesce(abs(credited.revenue_eur - observed.revenue_eur) > 1e-6 * greatest(abs(observed.revenue_eur), 1), true)
