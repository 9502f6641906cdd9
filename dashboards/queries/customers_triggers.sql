-- One row per trigger.
select case when $language = 'de' then name_de else name_en end as name, visits, visit_share, visits_with_others,
    converted_visits
from marts.rpt_campaign_triggers
order by visits desc, name
