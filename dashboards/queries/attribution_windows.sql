-- The ready-made windows, and the days from which any other range can be summed.
select
    case when window_name like 'day:%' then 'day' else window_name end as window_name,
    min(window_start) as window_start,
    max(window_end) as window_end
from marts.fct_channel_credits
group by 1
order by 2 desc
