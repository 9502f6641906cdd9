-- Every model and level credits exactly the orders and the revenue of its window (1e-9 of them).

with orders as (

    select
        periods.window_name,
        count(orders.conversion_id) as conversions,
        coalesce(sum(orders.revenue_eur), 0) as revenue_eur
    from {{ ref('int_attribution__periods') }} as periods
    left join {{ ref('fct_conversions') }} as orders
        on orders.conversion_date between periods.window_start and periods.window_end
    group by periods.window_name

),

credits as (

    select
        window_name,
        model,
        level,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur
    from {{ ref('fct_channel_credits') }}
    group by window_name, model, level

)

select
    orders.window_name,
    credits.model,
    credits.level,
    orders.conversions,
    credits.conversions as credited_conversions,
    orders.revenue_eur,
    credits.revenue_eur as credited_revenue_eur
from orders
left join credits on orders.window_name = credits.window_name
where
    abs(orders.conversions - coalesce(credits.conversions, 0)) > 1e-9 * greatest(orders.conversions, 1)
    or abs(orders.revenue_eur - coalesce(credits.revenue_eur, 0)) > 1e-9 * greatest(abs(orders.revenue_eur), 1)
