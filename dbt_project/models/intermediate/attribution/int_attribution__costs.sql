-- One row per day x channel x campaign: what it cost, from the spend feed and from the unit costs of mailings.
--
-- A mailing that the spend feed reports itself (channel catalog, its id as campaign) is not counted a second time.
-- Campaigns without an id carry '' here and everywhere in attribution.

with spend as (

    select
        spend_date as cost_date,
        channel,
        coalesce(campaign_id, '') as campaign_id,
        cost_eur,
        impressions,
        clicks
    from {{ ref('stg_marketing__campaign_spend') }}

),

reported as (

    select distinct campaign_id
    from spend
    where channel = 'catalog'

),

mailings as (

    select
        mailings.dropped_date as cost_date,
        'catalog' as channel,
        mailings.mailing_id as campaign_id,
        mailings.unit_cost_eur as cost_eur
    from {{ ref('stg_marketing__mailings') }} as mailings
    left join reported on mailings.mailing_id = reported.campaign_id
    where
        mailings.arm <> 'holdout'
        and mailings.dropped_date <= {{ as_of_date() }}
        and reported.campaign_id is null

),

costs as (

    select * from spend
    union all
    select
        *,
        null as impressions,
        null as clicks
    from mailings

)

select
    cost_date,
    channel,
    campaign_id,
    cast(sum(cost_eur) as decimal(18, 2)) as cost_eur,
    cast(sum(impressions) as bigint) as impressions,
    cast(sum(clicks) as bigint) as clicks
from costs
group by cost_date, channel, campaign_id
