-- One row per period credits are reported for: the reporting windows, and every single day as `day:YYYY-MM-DD`.
--
-- A day with spend but without an order is a period too: summed over a range its cost must not be missing.

with days as (

    select conversion_date as day
    from {{ ref('int_sales__conversions') }}
    union
    select cost_date as day
    from {{ ref('int_attribution__costs') }}

)

select
    window_name,
    window_start,
    window_end
from {{ ref('int_journeys__windows') }}

union all

select
    concat('day:', cast(day as {{ dbt.type_string() }})) as window_name,
    day as window_start,
    day as window_end
from days
where day <= {{ as_of_date() }}
