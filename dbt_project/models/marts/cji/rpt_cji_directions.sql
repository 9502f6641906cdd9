-- One row per phase model x phase x parameter with a direction: what the seed says, what the shop's visits say.

select
    weights.phase_model,
    weights.phase,
    audit.parameter,
    audit.direction,
    case audit.parameter when 'time' then seed.time_weight else seed.pageviews_weight end as seed_weight,
    case audit.parameter when 'time' then weights.time_weight else weights.pageviews_weight end as weight,
    audit.outcome,
    audit.visits,
    audit.outcome_share,
    audit.log_odds,
    audit.log_odds_low,
    audit.log_odds_high,
    audit.p_value,
    audit.verdict,
    audit.first_day,
    audit.last_day
from {{ source('ml', 'cji_directions') }} as audit
inner join {{ ref('int_cji__weights') }} as weights
    on audit.phase_model = weights.phase_model and audit.phase = weights.phase
inner join {{ ref('cji_weights') }} as seed
    on audit.phase_model = seed.phase_model and audit.phase = seed.phase
