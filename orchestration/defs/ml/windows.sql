-- One row per reporting window.
select
    window_name,
    window_start,
    window_end
from intermediate.int_journeys__windows
order by window_start desc, window_name
