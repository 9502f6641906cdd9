-- One row per local day x advertising channel whose spend is decided beforehand: what was spent, 0 on other days.
--
-- What is paid per sale (variable budget_paid_per_sale) is left out: its cost follows sales by contract, so it would
-- seem to cause them, and nobody sets it.

with costs as (

    select
        cost_date,
        channel,
        cast(sum(cost_eur) as double) as cost_eur
    from {{ ref('int_attribution__costs') }}
    where channel not in ({{ "'" ~ var('budget_paid_per_sale', ['affiliate']) | join("', '") ~ "'" }})
    group by cost_date, channel

),

channels as (

    select channel
    from costs
    group by channel
    having sum(cost_eur) > 0

)

select
    days.sale_date,
    channels.channel,
    coalesce(costs.cost_eur, 0) as cost_eur
from {{ ref('int_budget__days') }} as days
cross join channels
left join costs on days.sale_date = costs.cost_date and channels.channel = costs.channel
