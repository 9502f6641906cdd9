select
    metric,
    case when $language = 'de' then name_de else name_en end as name,
    owner,
    formula,
    unit,
    case when $language = 'de' then caveat_de else caveat_en end as caveat
from marts.rpt_metric_definitions
order by 2
