-- Windows whose credits do not add up to the orders and the revenue of their journeys, model by model.
with credited as (
    select
        window_name,
        model,
        level,
        any_value(window_start) as window_start,
        any_value(window_end) as window_end,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur
    from ml.channel_credits
    group by window_name, model, level
),

observed as (
    select
        credited.window_name,
        credited.model,
        credited.level,
        count(*) as conversions,
        cast(sum(orders.revenue_eur) as double) as revenue_eur
    from credited
    cross join intermediate.int_attribution__settings as settings
    inner join marts.fct_conversions as orders
        on
            orders.conversion_date between credited.window_start and credited.window_end
            and (settings.orders = 'any' or orders.is_first_order = (settings.orders = 'first'))
    group by credited.window_name, credited.model, credited.level
)

select
    window_name,
    model,
    level,
    credited.conversions as conversions_credited,
    observed.conversions as conversions_observed,
    credited.revenue_eur as revenue_credited,
    observed.revenue_eur as revenue_observed
from credited
full outer join observed using (window_name, model, level)
where
    coalesce(abs(credited.conversions - observed.conversions) > 1e-9 * greatest(observed.conversions, 1), true)
    or coalesce(abs(credited.revenue_eur - observed.revenue_eur) > 1e-9 * greatest(abs(observed.revenue_eur), 1), true)
