-- What experiments and holdouts measured per channel or campaign, for a ready-made window.
select
    i.channel,
    i.campaign_id,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, i.channel) as channel_label,
    coalesce(nullif(g.campaign_name, ''), nullif(i.campaign_id, '')) as campaign_name,
    i.experiments,
    i.measured_experiments,
    i.treated_units,
    i.conversions, i.conversions_low, i.conversions_high,
    i.revenue_eur, i.revenue_low, i.revenue_high,
    i.verdict
from marts.fct_channel_increments as i
left join marts.dim_channels as d on i.channel = d.channel
left join marts.dim_campaigns as g on i.campaign_id = g.campaign_id and i.level = 'campaign'
where i.window_name = $window_name and i.level = $level
order by coalesce(d.sort_order, 999), i.channel, i.campaign_id
