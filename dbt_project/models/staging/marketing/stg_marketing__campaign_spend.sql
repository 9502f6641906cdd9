-- One row per day, channel and campaign: what it cost, latest delivery, in the reporting currency.

with spend as (

    select *
    from {{ source('raw', 'campaign_spend') }}
    qualify {{ latest_delivery(['spend_date', 'channel', 'campaign_id']) }}

)

select
    spend.spend_date,
    lower(spend.channel) as channel,
    spend.campaign_id,
    spend.platform,
    spend.campaign_name,
    spend.impressions,
    spend.clicks,
    spend.cost,
    upper(spend.currency) as currency,
    {{ converted('spend.cost', 'rates.rate') }} as cost_eur,
    spend._source as feed,
    spend._delivery_date as delivery_date,
    spend._loaded_at as loaded_at
from spend
{{ join_rate('rates', 'spend.currency', 'spend.spend_date') }}
