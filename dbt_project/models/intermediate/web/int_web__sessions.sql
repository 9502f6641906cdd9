-- One row per human visit, with its person and its order.
--
-- A visit without consent to analytics is a person of its own: it is counted, but joined to no other visit. Whether a
-- visit is a person's first is asked over all visitors of the person, so those are derived anew together.

{% set affected %}
with touched as (
    select visitor_id from {{ changes('int_web__visits') }}
    union
    select visits.visitor_id
    from {{ changes('int_web__session_orders') }} as orders
    inner join {{ stored('int_web__visits') }} as visits on orders.session_id = visits.session_id
    union
    select visitor_id from {{ changes('int_identity__visitors') }}
),
persons as (
    select person_id from {{ changes('int_identity__visitors') }}
    union
    select visitors.person_id
    from {{ stored('int_identity__visitors') }} as visitors
    inner join touched on visitors.visitor_id = touched.visitor_id
)
select visitor_id from touched
union all
select visitors.visitor_id
from {{ stored('int_identity__visitors') }} as visitors
inner join persons on visitors.person_id = persons.person_id
{% endset %}
{{ config(
    materialized='keyed', key=['session_id'], affected=affected, cluster_by='session_date', scope=['visitor_id'],
    logged=['session_id', 'visitor_id', 'person_id', 'person_bucket', 'session_date', 'order_id']
) }}

with visits as (

    select
        visits.*,
        case
            when visits.consent_analytics then visitors.person_id
            else {{ hash_id(["'visit'", "visits.session_id"]) }}
        end as person_id
    from {{ ref('int_web__visits') }} as visits
    inner join {{ ref('int_identity__visitors') }} as visitors on visits.visitor_id = visitors.visitor_id
    where {{ affected_only('visits.visitor_id') }}

),

orders as (

    select
        session_id,
        min_by(order_id, (ordered_at, order_id)) filter (where not is_test) as order_id,
        count(*) filter (where not is_test) as order_count,
        sum(revenue_eur) filter (where not is_test) as revenue_eur
    from {{ ref('int_web__session_orders') }}
    where session_id in (select session_id from visits)
    group by session_id

)

select
    visits.session_id,
    visits.visitor_id,
    visits.person_id,
    {{ bucket_of('visits.person_id') }} as person_bucket,
    visits.started_at,
    visits.ended_at,
    visits.session_date,
    visits.device_type,
    coalesce(visits.channel, 'direct') as channel,
    nullif(visits.campaign_id, '') as campaign_id,
    visits.country,
    case
        when row_number() over (partition by visits.person_id order by visits.started_at, visits.session_id) = 1
            then 'new'
        else 'returning'
    end as visitor_type,
    visits.landing_page_type,
    visits.exit_page_type,
    visits.event_count,
    visits.pageview_count,
    cast({{ epoch_seconds('visits.ended_at') }} - {{ epoch_seconds('visits.started_at') }} as double)
        as duration_seconds,
    visits.pageview_count <= 1 and visits.interaction_count = 0 as is_bounce,
    visits.has_product_view,
    visits.has_add_to_cart,
    visits.has_checkout,
    -- Test orders are no conversions; a purchase without any order id still is one.
    coalesce(orders.order_count > 0, visits.anonymous_purchase_count > 0) as is_converted,
    orders.order_id,
    cast(
        case
            when orders.session_id is not null then coalesce(orders.revenue_eur, 0)
            else coalesce(visits.anonymous_revenue_eur, 0)
        end as decimal(18, 2)
    ) as revenue_eur,
    visits.consent_analytics,
    coalesce(visits.phase, 1) as phase
from visits
left join orders on visits.session_id = orders.session_id
