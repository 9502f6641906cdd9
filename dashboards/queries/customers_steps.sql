-- One row per stage and next step that is taken at all.
select phase, aida, next_step,
    case when $language = 'de' then name_de else name_en end as stage_name,
    case when $language = 'de' then next_de else next_en end as next_name,
    moves, probability, probability_low, probability_high, verdict, recent_visits
from marts.rpt_visit_next_steps
where moves > 0
order by phase, next_step = 'leave', next_step = 'order', next_step
