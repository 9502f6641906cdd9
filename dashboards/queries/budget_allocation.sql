-- One row per channel of a scenario, most money first.
select
    a.*,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, a.channel) as name
from marts.rpt_budget_allocation as a
left join marts.dim_channels as d on a.channel = d.channel
where a.scenario = $scenario
order by a.current_spend desc, a.channel
