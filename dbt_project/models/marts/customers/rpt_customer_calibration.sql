-- One row per model x tenth of the later units by score: what was predicted, what came true.

select
    model,
    bin,
    rows,
    predicted,
    observed,
    observed_low,
    observed_high
from {{ source('ml', 'customer_calibration') }}
