-- One row per on-site experiment x kind of effect x segment: what the campaign changed, with 95 % interval.

select
    effects.experiment_id,
    effects.campaign_id,
    coalesce(campaigns.campaign_name, effects.campaign_id, effects.experiment_id) as campaign_name,
    effects.kind,
    effects.segment,
    effects.treated,
    effects.controls,
    effects.control_level,
    effects.effect,
    effects.effect_low,
    effects.effect_high,
    effects.relative,
    effects.relative_low,
    effects.relative_high,
    effects.p_value,
    effects.q_value,
    effects.verdict,
    targeting.qini,
    targeting.qini_low,
    targeting.qini_high,
    targeting.verdict as targeting_verdict
from {{ source('ml', 'campaign_effects') }} as effects
left join {{ ref('dim_campaigns') }} as campaigns on effects.campaign_id = campaigns.campaign_id
left join {{ source('ml', 'campaign_targeting') }} as targeting on effects.experiment_id = targeting.experiment_id
