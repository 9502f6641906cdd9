{# Every amount found a rate into the reporting currency. Blocks by raising, so that the message names the currency
   and the first day that need a row in seeds/exchange_rates.csv. #}
{% test money_is_converted(model, amount, converted, currency, day) %}

with missing as (

    select
        coalesce({{ currency }}, '(no currency)') as currency,
        min({{ day }}) as first_day,
        count(*) as missing_rows
    from {{ model }}
    where {{ amount }} is not null and {{ converted }} is null
    group by {{ currency }}

)

select {{ raise_error("concat('no exchange rate for ', currency, ' on ', coalesce(cast(first_day as " ~ dbt.type_string() ~ "), '(no date)'), ', needed by ', cast(missing_rows as " ~ dbt.type_string() ~ "), ' rows: add it to seeds/exchange_rates.csv')") }} as message
from missing

{% endtest %}
