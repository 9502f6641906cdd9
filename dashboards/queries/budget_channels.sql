-- One row per channel of the budget model, most money first.
select
    b.*,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, b.channel) as name
from marts.rpt_budget_channels as b
left join marts.dim_channels as d on b.channel = d.channel
order by b.spend desc, b.channel
