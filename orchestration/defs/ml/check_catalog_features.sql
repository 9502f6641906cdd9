-- Customers of whom more, or less, is known than their orders of before the list was drawn say.
--
-- Counted anew from the orders by their date, not by the days that int_catalog__orders counted.
with known as (
    select
        features.mailing_id,
        features.customer_key,
        features.person_id,
        features.list_date,
        features.orders_365,
        features.days_since_last_order
    from intermediate.int_catalog__features as features
),

persons as (
    select
        known.mailing_id,
        known.person_id,
        known.list_date,
        sum(known.orders_365) as orders_known,
        min(known.days_since_last_order) as days_known
    from known
    group by known.mailing_id, known.person_id, known.list_date
),

counted as (
    select
        persons.mailing_id,
        persons.person_id,
        count(orders.order_id) filter (where orders.conversion_date >= persons.list_date - 365) as orders_counted,
        date_diff('day', max(orders.conversion_date), persons.list_date) as days_counted
    from persons
    left join marts.fct_conversions as orders
        on persons.person_id = orders.person_id and orders.conversion_date < persons.list_date
    group by persons.mailing_id, persons.person_id, persons.list_date
)

select
    persons.mailing_id,
    persons.list_date,
    count(*) as customers,
    sum(persons.orders_known) as orders_known,
    sum(counted.orders_counted) as orders_counted
from persons
inner join counted using (mailing_id, person_id)
where
    persons.orders_known <> counted.orders_counted
    or persons.days_known is distinct from counted.days_counted
group by persons.mailing_id, persons.list_date
