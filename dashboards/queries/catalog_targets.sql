select *
from marts.fct_catalog_targets
where is_mailed and mailing_rank <= $highest_rank
order by mailing_rank
