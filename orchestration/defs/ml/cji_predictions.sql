-- One row per Sunday x phase model x segment of one dimension: the index, and the conversion of its window.
select
    snapshot_date,
    phase_model,
    segment,
    cji,
    visits,
    round(macro_conversion_share * visits) as orders
from marts.fct_cji
where segment_kind in ('all', 'device', 'channel', 'visitor') and visits > 0 and isodow(snapshot_date) = 7
order by phase_model, snapshot_date, segment
