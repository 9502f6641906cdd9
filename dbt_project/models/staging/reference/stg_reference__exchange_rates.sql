-- One row per currency and day: how much of the reporting currency one unit is worth.
--
-- Every day is spelled out, so that money joins on equality whatever the number of rates a company keeps.

with rates as (

    select
        upper(currency) as currency,
        valid_from,
        eur_per_unit,
        lead(valid_from) over (partition by upper(currency) order by valid_from) as next_valid_from
    from {{ ref('exchange_rates') }}

),

days as (

    select
        currency,
        eur_per_unit,
        {{ each_day('valid_from', add_days("coalesce(next_valid_from, cast('2036-01-01' as date))", -1)) }} as rate_date
    from rates

)

select
    days.currency,
    days.rate_date,
    cast(days.eur_per_unit / reporting.eur_per_unit as decimal(18, 8)) as rate
from days
inner join days as reporting
    on days.rate_date = reporting.rate_date and reporting.currency = '{{ var("currency") }}'
