-- One row per mailing and customer, held-out customers included, latest delivery.

{% set affected = delivered_keys('mailings', stored('stg_marketing__mailings'), ['customer_key']) %}
{{ config(
    materialized='keyed', key=['mailing_id', 'customer_key'], affected=affected, scope=['customer_key'],
    unlogged=['loaded_at', 'delivery_date', 'priced_on']
) }}

with mailings as (

    select
        *,
        {{ local_date('dropped_at') }} as dropped_date,
        -- A held-out customer may have no drop; the rate then is of the day the list was loaded.
        {{ local_date('coalesce(dropped_at, _loaded_at)') }} as priced_on,
        coalesce(upper(currency), '{{ var("currency") }}') as money_currency
    from {{ source('raw', 'mailings') }}
    where {{ affected_only('customer_key') }}
    qualify {{ latest_delivery(['mailing_id', 'customer_key']) }}

)

select
    mailings.mailing_id,
    mailings.customer_key,
    lower(mailings.arm) as arm,
    mailings.dropped_at,
    mailings.dropped_date,
    mailings.wave,
    mailings.page_count,
    mailings.unit_cost,
    mailings.money_currency as currency,
    mailings.priced_on,
    {{ converted('mailings.unit_cost', 'rates.rate') }} as unit_cost_eur,
    mailings._source as feed,
    mailings._delivery_date as delivery_date,
    mailings._loaded_at as loaded_at
from mailings
{{ join_rate('rates', 'mailings.money_currency', 'mailings.priced_on') }}
