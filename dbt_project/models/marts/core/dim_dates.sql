-- One row per local calendar day from the first to the last business day of the warehouse.

with days as (

    select {{ each_day('first_date', 'as_of_date') }} as date_day
    from {{ ref('int_calendar__as_of') }}

)

select
    days.date_day,
    cast({{ iso_year('days.date_day') }} as bigint) as iso_year,
    cast(extract(week from days.date_day) as bigint) as iso_week,
    cast(extract(month from days.date_day) as bigint) as month,
    cast({{ iso_weekday('days.date_day') }} as bigint) as weekday,
    {{ iso_weekday('days.date_day') }} >= 6 as is_weekend,
    holidays.holiday_date is not null as is_holiday,
    holidays.name_de as holiday_name
from days
left join {{ ref('public_holidays') }} as holidays
    on days.date_day = holidays.holiday_date and holidays.country = '{{ var("default_country") }}'
