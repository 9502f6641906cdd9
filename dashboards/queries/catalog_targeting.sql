select
    targeting.*,
    (select count(*) from marts.fct_catalog_targets) as candidates,
    (select count(*) from marts.fct_catalog_targets where is_mailed) as mailed
from ml.catalog_targeting as targeting
