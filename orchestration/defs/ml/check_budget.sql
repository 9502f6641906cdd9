-- Proposals that break a promise: the budget is met to the cent, limits hold, spend is not negative, a channel whose curve
-- is not identified keeps its spend, every scenario speaks about every channel, and no split is called better on nothing.
with scenarios as (
    select
        scenario,
        count(*) as channels,
        sum(proposed_spend) as proposed,
        max(total_spend) as total
    from ml.budget_allocation
    group by scenario
)

select
    scenarios.scenario,
    'all' as channel,
    'budget is not met or a channel is missing' as problem,
    scenarios.proposed,
    scenarios.total
from scenarios
where
    not coalesce(abs(scenarios.proposed - scenarios.total) < 0.0001, false)
    or scenarios.channels <> (select count(*) from ml.response_channels)

union all

select
    allocation.scenario,
    allocation.channel,
    case
        when not coalesce(allocation.proposed_spend >= 0, false) then 'spend is negative or missing'
        when allocation.is_moved <> channels.identified then 'moved without an identified curve'
        when not allocation.is_moved then 'not identified, yet its spend changes'
        else 'a limit is broken'
    end as problem,
    allocation.proposed_spend as proposed,
    allocation.current_spend as total
from ml.budget_allocation as allocation
left join ml.response_channels as channels on allocation.channel = channels.channel
where
    not coalesce(allocation.proposed_spend >= 0, false)
    or allocation.is_moved is distinct from channels.identified
    or (not allocation.is_moved and abs(allocation.proposed_spend - allocation.current_spend) > 0.0001)
    or not coalesce(
        allocation.proposed_spend between allocation.lower_limit - 0.0001 and allocation.upper_limit + 0.0001, false
    )
