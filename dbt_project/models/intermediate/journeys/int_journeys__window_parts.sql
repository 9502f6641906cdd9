-- One row per window x part of it: a whole calendar month, or a day of a month that the window does not hold whole.
--
-- Sums per month and day together give any window, and cost what its months do, not what its days do.

with days as (

    select
        window_name,
        window_start,
        window_end,
        {{ each_day('window_start', 'window_end') }} as day
    from {{ ref('int_journeys__windows') }}

),

months as (

    select
        *,
        cast(date_trunc('month', day) as date) as month_start,
        count(*) over (partition by window_name, date_trunc('month', day))
        = extract(day from last_day(day)) as is_whole
    from days

)

select distinct
    window_name,
    window_start,
    window_end,
    case when is_whole then 'month' else 'day' end as part,
    case when is_whole then month_start else day end as part_start
from months
