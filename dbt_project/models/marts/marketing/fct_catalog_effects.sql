-- One row per mailing x dimension x segment x pair of arms: from what the matchback claims down to what was earned.
--
-- Per mailed customer as estimated; `_total` columns are for all mailed customers of the row. The estimates come from
-- the model; a mailing whose demand window is not over has none yet.

with mailings as (

    select
        mailing_id,
        max(wave) as wave,
        min(dropped_date) as dropped_date
    from {{ ref('fct_catalog_recipients') }}
    group by mailing_id

)

select
    effects.mailing_id,
    mailings.wave,
    mailings.dropped_date,
    effects.dimension,
    effects.segment,
    effects.treated_arm,
    effects.control_arm,
    effects.is_increment,
    effects.treated,
    effects.controls,
    effects.unit_cost as unit_cost_eur,
    effects.margin_share,
    effects.matchback as matchback_eur,
    effects.matchback_profit as matchback_profit_eur,
    effects.matchback_overstates as matchback_overstates_eur,
    effects.effect as effect_eur,
    effects.effect_low as effect_low_eur,
    effects.effect_high as effect_high_eur,
    effects.break_even as break_even_eur,
    effects.profit as profit_eur,
    effects.profit_low as profit_low_eur,
    effects.profit_high as profit_high_eur,
    effects.unit_cost * effects.treated as cost_total_eur,
    effects.matchback_profit * effects.treated as matchback_profit_total_eur,
    effects.profit * effects.treated as profit_total_eur,
    effects.profit_low * effects.treated as profit_total_low_eur,
    effects.profit_high * effects.treated as profit_total_high_eur,
    effects.q_value,
    effects.method,
    effects.is_randomised,
    effects.variance_reduction,
    effects.sample_ratio_p_value,
    effects.balance_p_value,
    effects.overlap,
    effects.placebo as placebo_eur,
    effects.placebo_low as placebo_low_eur,
    effects.placebo_high as placebo_high_eur,
    effects.robustness,
    effects.hidden_strongest,
    effects.hidden_profit_low as hidden_profit_low_eur,
    effects.hidden_profit_high as hidden_profit_high_eur,
    effects.verdict,
    effects.recommendation
from {{ source('ml', 'catalog_effects') }} as effects
left join mailings on effects.mailing_id = mailings.mailing_id
