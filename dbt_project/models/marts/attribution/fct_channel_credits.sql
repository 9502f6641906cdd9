-- One row per window x model x level x channel x campaign: what each model credits, and what the channel cost.
--
-- Rule models are computed here; the others are read from ml, only for windows that end on the same day. Costs are
-- summed once per period, level, channel and campaign before they meet the credits, so no join repeats them; what was
-- paid for without earning a credit stands here with 0.

with periods as (

    select *
    from {{ ref('int_attribution__periods') }}

),

modelled as (

    select modelled.*
    from {{ source('ml', 'channel_credits') }} as modelled
    inner join periods
        on modelled.window_name = periods.window_name and modelled.window_end = periods.window_end

),

credits as (

    select
        window_name,
        model,
        level,
        channel,
        campaign_id,
        conversions,
        conversions_low,
        conversions_high,
        revenue_eur,
        revenue_low,
        revenue_high,
        margin_eur,
        share,
        share_low,
        share_high,
        null as verdict
    from {{ ref('int_attribution__cells') }}

    union all

    select
        window_name,
        model,
        level,
        channel,
        coalesce(campaign_id, '') as campaign_id,
        conversions,
        conversions_low,
        conversions_high,
        revenue_eur,
        revenue_low,
        revenue_high,
        margin_eur,
        share,
        share_low,
        share_high,
        verdict
    from modelled

),

-- Every model that speaks about a period must show all its costs.
frames as (

    select
        periods.window_name,
        rules.model,
        levels.level
    from periods
    cross join (
        values
        {% for model in rule_models() %}
            ('{{ model }}'){{ ',' if not loop.last }}
        {% endfor %}
    ) as rules (model)
    cross join (values ('channel'), ('campaign')) as levels (level)

    union all

    select distinct
        window_name,
        model,
        level
    from modelled

),

costs as (

    select
        periods.window_name,
        costs.channel,
        costs.campaign_id,
        sum(costs.cost_eur) as cost_eur
    from {{ ref('int_attribution__costs') }} as costs
    inner join periods on costs.cost_date between periods.window_start and periods.window_end
    group by periods.window_name, costs.channel, costs.campaign_id

),

leveled_costs as (

    select
        window_name,
        'channel' as level,
        channel,
        '' as campaign_id,
        sum(cost_eur) as cost_eur
    from costs
    group by window_name, channel

    union all

    select
        window_name,
        'campaign' as level,
        channel,
        campaign_id,
        cost_eur
    from costs

),

framed_costs as (

    select
        frames.window_name,
        frames.model,
        frames.level,
        leveled_costs.channel,
        leveled_costs.campaign_id,
        leveled_costs.cost_eur
    from frames
    inner join leveled_costs on frames.window_name = leveled_costs.window_name and frames.level = leveled_costs.level

),

joined as (

    select
        coalesce(credits.window_name, framed_costs.window_name) as window_name,
        coalesce(credits.model, framed_costs.model) as model,
        coalesce(credits.level, framed_costs.level) as level,
        coalesce(credits.channel, framed_costs.channel) as channel,
        coalesce(credits.campaign_id, framed_costs.campaign_id) as campaign_id,
        coalesce(credits.conversions, 0) as conversions,
        credits.conversions_low,
        credits.conversions_high,
        coalesce(credits.revenue_eur, 0) as revenue_eur,
        credits.revenue_low,
        credits.revenue_high,
        case when credits.model is null then 0 else credits.margin_eur end as margin_eur,
        coalesce(credits.share, 0) as share,
        credits.share_low,
        credits.share_high,
        framed_costs.cost_eur,
        credits.verdict
    from credits
    full outer join framed_costs
        on
            credits.window_name = framed_costs.window_name
            and credits.model = framed_costs.model
            and credits.level = framed_costs.level
            and credits.channel = framed_costs.channel
            and credits.campaign_id = framed_costs.campaign_id

)

select
    joined.window_name,
    periods.window_start,
    periods.window_end,
    joined.model,
    joined.level,
    joined.channel,
    joined.campaign_id,
    cast(joined.conversions as double) as conversions,
    cast(joined.conversions_low as double) as conversions_low,
    cast(joined.conversions_high as double) as conversions_high,
    cast(joined.revenue_eur as double) as revenue_eur,
    cast(joined.revenue_low as double) as revenue_low,
    cast(joined.revenue_high as double) as revenue_high,
    cast(joined.margin_eur as double) as margin_eur,
    cast(joined.share as double) as share,
    cast(joined.share_low as double) as share_low,
    cast(joined.share_high as double) as share_high,
    cast(joined.cost_eur as decimal(18, 2)) as cost_eur,
    cast(joined.revenue_eur / nullif(joined.cost_eur, 0) as double) as roas,
    cast(joined.revenue_low / nullif(joined.cost_eur, 0) as double) as roas_low,
    cast(joined.revenue_high / nullif(joined.cost_eur, 0) as double) as roas_high,
    cast(joined.cost_eur / nullif(joined.conversions, 0) as double) as cost_per_conversion_eur,
    coalesce(joined.verdict, case when joined.conversions < 30 then 'not enough data' else 'supported' end) as verdict
from joined
inner join periods on joined.window_name = periods.window_name
