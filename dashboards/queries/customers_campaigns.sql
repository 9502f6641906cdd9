-- One row per on-site campaign and kind of effect, over all visitors.
select experiment_id, campaign_name, kind, treated, controls, control_level, effect, effect_low, effect_high,
    relative, relative_low, relative_high, verdict, targeting_verdict
from marts.rpt_campaign_effects
where segment = 'all'
order by experiment_id, list_position(['uplift', 'response', 'drop_off'], kind)
