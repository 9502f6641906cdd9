select *
from marts.fct_catalog_effects
where mailing_id = $mailing
order by dimension <> 'all', dimension, segment, is_increment, unit_cost_eur
