-- One row per phase x segment x priority.
select
    phase,
    segment,
    priority,
    campaign,
    trigger,
    experiment_id,
    is_discount
from seeds.reaction_plan
order by all
