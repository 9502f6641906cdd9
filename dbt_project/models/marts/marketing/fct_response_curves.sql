-- One row per channel x level of spend: what a day brings at that level, with its 90 % interval.
select
    channel,
    spend_eur,
    response,
    response_low,
    response_high,
    marginal_return,
    is_current,
    is_observed
from {{ source('ml', 'response_curves') }}
