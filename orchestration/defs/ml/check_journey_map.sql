-- Maps whose solved chain does not convert as often as its journeys did: an absorbing chain repeats the counts exactly.
with observed as (
    select
        window_name,
        segment,
        max(converted_journeys) filter (where node = 'start') / max(journeys) filter (where node = 'start') as share
    from marts.fct_journey_nodes
    group by window_name, segment
)

select
    window_name,
    segment,
    chain.conversion_probability,
    observed.share
from observed
left join (select * from ml.journey_map_nodes where node = 'start') as chain using (window_name, segment)
where coalesce(abs(chain.conversion_probability - observed.share) > 1e-9, true)
