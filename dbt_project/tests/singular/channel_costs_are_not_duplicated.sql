-- In every model and level, the costs of a window add up to what was spent in it: no join repeats or loses a cent.

with spent as (

    select
        periods.window_name,
        coalesce(sum(costs.cost_eur), 0) as cost_eur
    from {{ ref('int_attribution__periods') }} as periods
    left join {{ ref('int_attribution__costs') }} as costs
        on costs.cost_date between periods.window_start and periods.window_end
    group by periods.window_name

),

credited as (

    select
        window_name,
        model,
        level,
        coalesce(sum(cost_eur), 0) as cost_eur
    from {{ ref('fct_channel_credits') }}
    group by window_name, model, level

)

select
    credited.window_name,
    credited.model,
    credited.level,
    spent.cost_eur,
    credited.cost_eur as credited_cost_eur
from credited
inner join spent on credited.window_name = spent.window_name
where spent.cost_eur <> credited.cost_eur
