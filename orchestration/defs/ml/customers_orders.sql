-- One row per counted order of a customer who may be scored, and the end of what is known.
select
    orders.person_id,
    make_timestamp(epoch_us(orders.converted_at)) as ordered_at,
    cast(coalesce(orders.margin_eur, 0) as double) as margin_eur,
    cast(calendar.as_of_date + 1 as timestamp) as until
from intermediate.int_sales__conversions as orders
inner join intermediate.int_customers__consents as consents
    on orders.person_id = consents.person_id and consents.allows_scores
cross join intermediate.int_calendar__as_of as calendar
order by orders.converted_at, orders.order_id
