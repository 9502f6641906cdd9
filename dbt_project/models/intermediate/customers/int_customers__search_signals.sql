-- One row per search or filter of somebody who may be scored: is it about price, about a brand, or about neither?
--
-- Patterns are seed `customer_search_signals`; a term that names a brand of the assortment is about the brand. What
-- names both is about the price: the brand is there on the shelf too, the bargain is not.

with events as (

    select
        events.event_id,
        visits.person_id,
        events.occurred_at,
        events.event_date,
        events.event_name,
        lower(coalesce(
            case when events.event_name = 'search' then events.search_term end,
            {{ json_text('staged.properties', 'filter_value') }},
            {{ json_text('staged.properties', 'filter') }}
        )) as said
    from {{ ref('int_web__events') }} as events
    inner join {{ ref('int_customers__visits') }} as visits on events.session_id = visits.session_id
    left join {{ ref('stg_web__events') }} as staged on events.event_id = staged.event_id
    where events.event_name in ('search', 'filter')

),

brands as (

    select distinct lower(brand) as brand
    from {{ ref('stg_sales__products') }}
    where length(brand) > 2

),

-- Few terms are said often: each is judged once.
terms as (

    select distinct
        event_name,
        said
    from events
    where said is not null

),

matched as (

    select
        terms.event_name,
        terms.said,
        max(case when patterns.signal = 'price' then 1 else 0 end) as is_price,
        max(case when patterns.signal = 'brand' then 1 else 0 end) as is_brand
    from terms
    left join {{ ref('customer_search_signals') }} as patterns
        on terms.event_name = patterns.event_name and regexp_matches(terms.said, patterns.pattern)
    group by terms.event_name, terms.said

),

named as (

    select distinct
        terms.event_name,
        terms.said
    from terms
    inner join brands on position(concat(' ', brands.brand, ' ') in concat(' ', terms.said, ' ')) > 0
    where terms.event_name = 'search'

)

select
    events.event_id,
    events.person_id,
    events.occurred_at,
    events.event_date,
    case
        when matched.is_price = 1 then 'price'
        when matched.is_brand = 1 or named.said is not null then 'brand'
        else 'other'
    end as signal
from events
left join matched on events.event_name = matched.event_name and events.said = matched.said
left join named on events.event_name = named.event_name and events.said = named.said
