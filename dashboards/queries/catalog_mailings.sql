-- One row per judged mailing, those with a holdout together first, then the latest.
select distinct mailing_id, wave, dropped_date, mailing_id <> 'all' as is_single
from marts.fct_catalog_effects
where dimension = 'all'
order by is_single, dropped_date desc, mailing_id
