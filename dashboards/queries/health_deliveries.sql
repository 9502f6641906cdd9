-- What calls for action first, the newest first; days that simply brought nothing only of the last four weeks.
select source, entity, load_window, state, problem, has_earlier_rows, checked_at
from marts.rpt_delivery_states
where
    state not in ('empty', 'header_only')
    or delivery_date is null
    or delivery_date > (select max(d.delivery_date) from marts.rpt_delivery_states as d) - interval 28 days
order by state in ('empty', 'header_only'), delivery_date desc nulls first, source
limit 500
