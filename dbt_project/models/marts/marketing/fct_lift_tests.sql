-- One row per experiment that measured what a channel's spend brought: holdouts of mailings, and the seed lift_tests.
--
-- The lift of a mailing is what all its recipients bought more than the held-out customers, in the days that count for
-- catalogs; its standard error is that of the 95 % interval.

with mailings as (

    select
        coalesce(channel, 'catalog') as channel,
        concat('mailing ', experiment_id) as test_name,
        first_assigned_date as first_date,
        {{ add_days('last_assigned_date', 'window_days') }} as last_date,
        revenue_eur as lift_eur,
        (revenue_high - revenue_low) / (2 * 1.96) as standard_error_eur
    from {{ ref('fct_experiment_increments') }}
    where
        source = 'mailing'
        and arm = 'any'
        and window_name = 'all'
        and is_complete
        and verdict in ('supported', 'no clear difference')

),

tests as (

    select * from mailings
    union all
    select
        channel,
        test_name,
        first_date,
        last_date,
        cast(lift_eur as double) as lift_eur,
        cast(standard_error_eur as double) as standard_error_eur
    from {{ ref('lift_tests') }}

)

select
    tests.channel,
    tests.test_name,
    tests.first_date,
    tests.last_date,
    tests.lift_eur,
    tests.standard_error_eur,
    cast(sum(spend.cost_eur) as double) as cost_eur
from tests
inner join {{ ref('int_budget__spend') }} as spend
    on tests.channel = spend.channel and spend.sale_date between tests.first_date and tests.last_date
where
    tests.standard_error_eur > 0
    and tests.first_date >= (select min(sale_date) from {{ ref('int_budget__days') }})
    and tests.last_date <= (select max(sale_date) from {{ ref('int_budget__days') }})
group by all
