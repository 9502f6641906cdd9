-- One row per channel, draw and level of spend: intervals of sums over channels are made of them.
select
    channel,
    draw,
    spend_eur,
    response
from ml.response_draws
order by channel, draw, spend_eur
