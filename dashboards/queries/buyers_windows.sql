-- The windows and product categories there is something to say about.
select window_name, category, min(window_start) as window_start, max(window_end) as window_end
from marts.rpt_buyer_behaviour
group by window_name, category
order by category <> 'all', category
