-- One row per paid channel: attribution, response model and experiment, side by side.
select
    r.*,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, r.channel) as name
from marts.rpt_channel_reconciliation as r
left join marts.dim_channels as d on r.channel = d.channel
order by r.cost_eur desc, r.channel
