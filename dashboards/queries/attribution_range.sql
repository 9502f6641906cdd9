-- Any range: rule models add up day by day. Same columns as attribution_credits.sql, without intervals.
with days as (
    select
        model,
        channel,
        campaign_id,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur,
        sum(cost_eur)::double as cost_eur
    from marts.fct_channel_credits
    where
        window_name like 'day:%'
        and level = $level
        and window_start between $start::date and $end::date
    group by model, channel, campaign_id
)

select
    c.model,
    c.channel,
    c.campaign_id,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, c.channel) as channel_label,
    coalesce(nullif(g.campaign_name, ''), nullif(c.campaign_id, '')) as campaign_name,
    c.conversions, null::double as conversions_low, null::double as conversions_high,
    c.revenue_eur, null::double as revenue_low, null::double as revenue_high,
    c.conversions / nullif(sum(c.conversions) over (partition by c.model), 0) as share,
    null::double as share_low, null::double as share_high,
    c.margin_eur,
    c.cost_eur,
    c.revenue_eur / nullif(c.cost_eur, 0) as roas, null::double as roas_low, null::double as roas_high,
    c.cost_eur / nullif(c.conversions, 0) as cost_per_conversion_eur,
    null::varchar as verdict,
    coalesce(d.is_paid, false) as is_paid
from days as c
left join marts.dim_channels as d on c.channel = d.channel
left join marts.dim_campaigns as g on c.campaign_id = g.campaign_id and $level = 'campaign'
order by coalesce(d.sort_order, 999), c.channel, c.campaign_id, c.model
