-- One row per segment of searchers: how many, what they search for, what they are expected to bring, with 95 %
-- intervals.

with persons as (

    select
        tastes.person_id,
        tastes.label as segment,
        max(case when scores.model = 'customer_value' then scores.score end) as value_eur,
        max(case when scores.model = 'expected_orders' then scores.score end) as orders,
        max(case when scores.model = 'reorder' then scores.score end) as reorder
    from {{ source('ml', 'customer_scores') }} as tastes
    left join {{ source('ml', 'customer_scores') }} as scores
        on
            tastes.person_id = scores.person_id
            and scores.model in ('customer_value', 'expected_orders', 'reorder')
    where tastes.model = 'search_taste'
    group by tastes.person_id, tastes.label

),

sums as (

    select
        segment,
        count(*) as persons,
        count(value_eur) as customers,
        avg(value_eur) as value_eur,
        stddev_samp(value_eur) / sqrt(count(value_eur)) as value_error,
        avg(orders) as orders,
        stddev_samp(orders) / sqrt(count(orders)) as orders_error,
        avg(reorder) as reorder,
        stddev_samp(reorder) / sqrt(count(reorder)) as reorder_error
    from persons
    group by segment

)

select
    sums.segment,
    sums.persons,
    sums.persons / cast(sum(sums.persons) over () as double) as share,
    tastes.share as share_expected,
    tastes.price as price_share,
    tastes.brand as brand_share,
    tastes.other as other_share,
    sums.customers,
    sums.value_eur,
    sums.value_eur - 1.96 * sums.value_error as value_eur_low,
    sums.value_eur + 1.96 * sums.value_error as value_eur_high,
    sums.orders,
    sums.orders - 1.96 * sums.orders_error as orders_low,
    sums.orders + 1.96 * sums.orders_error as orders_high,
    sums.reorder,
    sums.reorder - 1.96 * sums.reorder_error as reorder_low,
    sums.reorder + 1.96 * sums.reorder_error as reorder_high,
    case when sums.segment = 'undecided' then 'not enough data' else tastes.verdict end as verdict
from sums
left join {{ source('ml', 'search_tastes') }} as tastes on sums.segment = tastes.segment
