-- One row per visit x stage entered; `is_now` marks where a visit of the last days stood when it was last seen.
select
    moves.session_id,
    visits.person_id,
    moves.entered_at,
    moves.stage,
    moves.next_step,
    phases.aida,
    moves.session_date > calendar.as_of_date - $recent_days::integer and moves.next_step = 'leave' as is_now
from intermediate.int_customers__stage_moves as moves
inner join intermediate.int_customers__visits as visits on moves.session_id = visits.session_id
left join seeds.cji_phases as phases on phases.phase_model = 'journey6' and cast(phases.phase as varchar) = moves.stage
cross join intermediate.int_calendar__as_of as calendar
order by moves.session_id, moves.event_number
