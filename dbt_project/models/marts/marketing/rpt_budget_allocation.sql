-- One row per scenario x channel: spend a day now and proposed, its limits, and what the change is expected to bring.
select
    scenario,
    channel,
    current_spend,
    proposed_spend,
    lower_limit,
    upper_limit,
    is_moved,
    current_response,
    proposed_response,
    gain,
    gain_low,
    gain_high,
    total_spend,
    total_gain,
    total_gain_low,
    total_gain_high,
    verdict,
    reason
from {{ source('ml', 'budget_allocation') }}
