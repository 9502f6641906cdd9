-- One row per phase and campaign that answers the chosen segment: its own rows, else those for all.
select phase, priority, campaign,
    case when $language = 'de' then phase_de else phase_en end as phase_name,
    case when $language = 'de' then name_de else name_en end as name,
    trigger, segment, is_discount, margin_eur, margin_low, margin_high, response, response_low, response_high, verdict,
    persons, first_choice_persons
from marts.rpt_reaction_plan as plan
where $segment = 'all'
    or segment = case
        when exists (
            select 1 from marts.rpt_reaction_plan as own where own.phase = plan.phase and own.segment = $segment
        ) then $segment else 'all' end
order by phase, segment <> 'all', segment, priority
