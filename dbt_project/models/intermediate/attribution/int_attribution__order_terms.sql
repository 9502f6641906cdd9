-- One row per day x rule model x channel x person bucket x days to purchase: under which terms credited orders came.
--
-- Days run from the first contact of the journey to the order, in tenths: medians need the values, not their sums.

{% set affected %}
select conversion_date from {{ changes('int_attribution__rule_credits') }}
union all
select conversion_date from {{ changes('int_sales__conversions') }}
union all
select end_date from {{ changes('int_journeys__journeys') }}
{% endset %}
{{ config(materialized='keyed', key=['conversion_date'], affected=affected) }}

with credits as (

    select
        credits.*,
        case when orders.has_coupon then 1 else 0 end as coupons,
        cast(coalesce(orders.discount_eur, 0) as double) as discount_eur,
        cast(round(journeys.duration_seconds / 86400, 1) as double) as days_to_purchase
    from {{ ref('int_attribution__rule_credits') }} as credits
    inner join {{ ref('int_sales__conversions') }} as orders on credits.conversion_id = orders.conversion_id
    inner join {{ ref('int_journeys__journeys') }} as journeys on credits.conversion_id = journeys.conversion_id
    where {{ affected_only('credits.conversion_date') }}

)

{% for model in rule_models() %}
    select
        conversion_date,
        '{{ model }}' as model,
        channel,
        person_bucket,
        days_to_purchase,
        sum({{ model }}_credit) as conversions,
        sum({{ model }}_credit * coupons) as coupons,
        sum({{ model }}_credit * discount_eur) as discount_eur
    from credits
    where {{ model }}_credit > 0
    group by conversion_date, channel, person_bucket, days_to_purchase
    {{ 'union all' if not loop.last }}
{% endfor %}
