-- Recommendations from mailings whose arms are not those that were planned, or not alike, as if chance had chosen them.
select
    mailing_id,
    dimension,
    segment,
    treated_arm,
    control_arm,
    sample_ratio_p_value,
    balance_p_value,
    placebo,
    recommendation
from (
    select
        *,
        min(sample_ratio_p_value) filter (where dimension = 'all')
            over (partition by mailing_id, treated_arm, control_arm) as whole_ratio,
        min(balance_p_value) filter (where dimension = 'all')
            over (partition by mailing_id, treated_arm, control_arm) as whole_balance
    from ml.catalog_effects
)
where
    (recommendation <> 'keep a holdout' and whole_ratio < 0.001)
    or (is_randomised and whole_balance < 0.001)
    or (recommendation in ('mail', 'add', 'do not mail', 'leave out') and not coalesce(q_value <= 0.05, false))
    or (recommendation in ('mail', 'add') and profit_low <= 0)
