select
    c.model,
    c.channel,
    c.campaign_id,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, c.channel) as channel_label,
    coalesce(nullif(g.campaign_name, ''), nullif(c.campaign_id, '')) as campaign_name,
    c.conversions, c.conversions_low, c.conversions_high,
    c.revenue_eur, c.revenue_low, c.revenue_high,
    c.share, c.share_low, c.share_high,
    c.margin_eur,
    c.cost_eur::double as cost_eur,
    c.roas, c.roas_low, c.roas_high,
    c.cost_per_conversion_eur,
    c.verdict,
    coalesce(d.is_paid, false) as is_paid
from marts.fct_channel_credits as c
left join marts.dim_channels as d on c.channel = d.channel
left join marts.dim_campaigns as g on c.campaign_id = g.campaign_id and c.level = 'campaign'
where c.window_name = $window_name and c.level = $level
order by coalesce(d.sort_order, 999), c.channel, c.campaign_id, c.model
