-- One row per local day x advertising channel.
select
    sale_date,
    channel,
    cost_eur
from intermediate.int_budget__spend
order by sale_date, channel
