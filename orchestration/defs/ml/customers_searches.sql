-- One row per person: searches and filters about price, about a brand, about neither.
select
    person_id,
    count(*) filter (where signal = 'price') as price,
    count(*) filter (where signal = 'brand') as brand,
    count(*) filter (where signal = 'other') as other
from intermediate.int_customers__search_signals
group by person_id
order by person_id
