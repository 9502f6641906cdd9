-- The stations of one map: what was counted, and the solved chain beside it.
select
    n.node,
    n.node_kind,
    n.phase,
    n.channel,
    case when $language = 'de' then d.label_de else d.label_en end as channel_label,
    n.n,
    n.journeys,
    n.persons,
    n.converted_journeys,
    m.conversion_probability, m.conversion_probability_low, m.conversion_probability_high,
    m.expected_steps,
    m.contribution, m.contribution_low, m.contribution_high,
    m.critical_step,
    coalesce(m.verdict, 'supported') as verdict
from marts.fct_journey_nodes as n
left join ml.journey_map_nodes as m on n.window_name = m.window_name and n.segment = m.segment and n.node = m.node
left join marts.dim_channels as d on n.channel = d.channel
where n.window_name = $window_name and n.segment = $segment
order by n.node_kind <> 'start', n.node_kind = 'conversion', n.phase, coalesce(d.sort_order, 999), n.node
