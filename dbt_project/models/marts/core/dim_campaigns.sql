-- One row per campaign seen in spend, web traffic, mailings or contacts.

with seen as (

    select
        campaign_id,
        campaign_name,
        channel,
        platform,
        spend_date as seen_date,
        cost_eur,
        1 as priority
    from {{ ref('stg_marketing__campaign_spend') }}

    union all

    select
        mailing_id as campaign_id,
        null as campaign_name,
        'catalog' as channel,
        null as platform,
        dropped_date as seen_date,
        unit_cost_eur as cost_eur,
        2 as priority
    from {{ ref('stg_marketing__mailings') }}
    where arm <> 'holdout'

    union all

    select
        campaign_id,
        null as campaign_name,
        channel,
        null as platform,
        event_date as seen_date,
        null as cost_eur,
        3 as priority
    from {{ ref('stg_web__events') }}
    where campaign_id is not null and not is_bot

    union all

    select
        campaign_id,
        null as campaign_name,
        channel,
        null as platform,
        touchpoint_date as seen_date,
        null as cost_eur,
        4 as priority
    from {{ ref('stg_marketing__touchpoints') }}
    where campaign_id is not null

),

-- Where sources disagree on the channel, the one that pays decides.
by_channel as (

    select
        campaign_id,
        channel,
        min(priority) as priority,
        max_by(campaign_name, seen_date) filter (where campaign_name is not null) as campaign_name,
        max_by(platform, seen_date) filter (where platform is not null) as platform,
        min(seen_date) as first_seen_date,
        max(seen_date) as last_seen_date,
        count(*) as seen_count,
        sum(cost_eur) as cost_eur
    from seen
    where campaign_id <> ''
    group by campaign_id, channel

),

ranked as (

    select
        *,
        row_number() over (
            partition by campaign_id order by channel is null asc, priority asc, seen_count desc, channel asc
        ) as channel_rank
    from by_channel

)

select
    campaign_id,
    coalesce(min(campaign_name), campaign_id) as campaign_name,
    max(case when channel_rank = 1 then channel end) as channel,
    min(platform) as platform,
    min(first_seen_date) as first_seen_date,
    max(last_seen_date) as last_seen_date,
    cast(coalesce(sum(cost_eur), 0) as decimal(18, 2)) as cost_eur
from ranked
group by campaign_id
