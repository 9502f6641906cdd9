-- One row per window x level x channel x campaign: the orders that experiments say it caused, to stand beside credits.
--
-- Experiments add up, their errors as those of independent ones. Only experiments whose treatment is a campaign of a
-- channel are here; those with too few units or a broken split are named in the verdict and add nothing.

with measured as (

    select
        *,
        verdict in ('supported', 'no clear difference') as is_measured
    from {{ ref('fct_experiment_increments') }}
    where arm = 'any' and channel is not null

),

levels as (

    select
        *,
        'channel' as level,
        '' as level_campaign_id
    from measured

    union all

    select
        *,
        'campaign' as level,
        coalesce(campaign_id, '') as level_campaign_id
    from measured

),

sums as (

    select
        window_name,
        window_start,
        window_end,
        level,
        channel,
        level_campaign_id as campaign_id,
        count(*) as experiments,
        count(case when is_measured then 1 end) as measured_experiments,
        sum(case when is_measured then treated_units end) as treated_units,
        sum(case when is_measured then conversions end) as conversions,
        sqrt(sum(case when is_measured then power(conversions_high - conversions, 2) end)) as conversions_margin,
        sum(case when is_measured then revenue_eur end) as revenue_eur,
        sqrt(sum(case when is_measured then power(revenue_high - revenue_eur, 2) end)) as revenue_margin,
        sum(case when is_measured then margin_eur end) as margin_eur
    from levels
    group by window_name, window_start, window_end, level, channel, level_campaign_id

)

select
    window_name,
    window_start,
    window_end,
    level,
    channel,
    campaign_id,
    experiments,
    measured_experiments,
    cast(treated_units as bigint) as treated_units,
    cast(conversions as double) as conversions,
    cast(conversions - conversions_margin as double) as conversions_low,
    cast(conversions + conversions_margin as double) as conversions_high,
    cast(revenue_eur as double) as revenue_eur,
    cast(revenue_eur - revenue_margin as double) as revenue_low,
    cast(revenue_eur + revenue_margin as double) as revenue_high,
    cast(margin_eur as double) as margin_eur,
    case
        when measured_experiments = 0 then 'not enough data'
        when abs(conversions) > conversions_margin then 'supported'
        else 'no clear difference'
    end as verdict
from sums
