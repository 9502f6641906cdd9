-- One row per experiment x unit: its arm, and what it bought afterwards, whether or not the treatment reached it.
--
-- A mailing with a holdout is an experiment too: its lists are the arms. Orders count for a fixed time after the
-- assignment (variables experiment_window_days, catalog_window_days), the same in every arm. Visitors answer for the
-- orders of their own browser, customers for those of their number, regions for all orders delivered there.

{% set window_micros = var('experiment_window_days', 28) * 86400000000 %}

with units as (

    select
        experiment_id,
        unit_id,
        unit_type,
        arm,
        campaign_id,
        assigned_date,
        {{ epoch_micros('assigned_at') }} as assigned_micros
    from {{ ref('stg_marketing__experiments') }}
    where assigned_at is not null

),

placements as (

    select
        visitor_id,
        order_id
    from {{ ref('stg_sales__orders') }}
    where visitor_id is not null
    union
    select
        sessions.visitor_id,
        placed.order_id
    from {{ ref('int_web__session_orders') }} as placed
    inner join {{ ref('int_web__sessions') }} as sessions on placed.session_id = sessions.session_id

),

unit_orders as (

    select
        'visitor' as unit_type,
        visitor_id as unit_id,
        order_id
    from placements
    union all
    select
        'customer' as unit_type,
        customer_key as unit_id,
        order_id
    from {{ ref('int_sales__conversions') }}
    where customer_key is not null
    union all
    select
        'geo' as unit_type,
        region as unit_id,
        order_id
    from {{ ref('int_sales__conversions') }}
    where region is not null

),

bought as (

    select
        units.experiment_id,
        units.unit_id,
        count(*) as orders,
        sum(orders.revenue_eur) as revenue_eur,
        sum(orders.margin_eur) as margin_eur
    from units
    inner join unit_orders on units.unit_type = unit_orders.unit_type and units.unit_id = unit_orders.unit_id
    inner join {{ ref('int_sales__conversions') }} as orders on unit_orders.order_id = orders.order_id
    where {{ epoch_micros('orders.converted_at') }} - units.assigned_micros between 0 and {{ window_micros }}
    group by units.experiment_id, units.unit_id

),

mailing_orders as (

    select
        mailing_id,
        customer_key,
        count(*) as orders,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur
    from {{ ref('int_catalog__orders') }}
    where days_after_drop between 1 and {{ var('catalog_window_days', 60) }}
    group by mailing_id, customer_key

),

-- A mailing without a holdout measures nothing.
held_out as (

    select distinct mailing_id
    from {{ ref('int_catalog__recipients') }}
    where is_holdout

)

select
    'experiment' as source,
    units.experiment_id,
    units.unit_id,
    units.unit_type,
    units.arm,
    units.campaign_id,
    campaigns.channel,
    units.assigned_date,
    {{ var('experiment_window_days', 28) }} as window_days,
    coalesce(bought.orders, 0) as orders,
    cast(coalesce(bought.revenue_eur, 0) as double) as revenue_eur,
    cast(coalesce(bought.margin_eur, 0) as double) as margin_eur
from units
left join bought on units.experiment_id = bought.experiment_id and units.unit_id = bought.unit_id
left join {{ ref('dim_campaigns') }} as campaigns on units.campaign_id = campaigns.campaign_id

union all

select
    'mailing' as source,
    recipients.mailing_id as experiment_id,
    recipients.customer_key as unit_id,
    'customer' as unit_type,
    case when recipients.is_holdout then 'control' else recipients.arm end as arm,
    recipients.mailing_id as campaign_id,
    'catalog' as channel,
    recipients.dropped_date as assigned_date,
    {{ var('catalog_window_days', 60) }} as window_days,
    coalesce(mailing_orders.orders, 0) as orders,
    cast(coalesce(mailing_orders.revenue_eur, 0) as double) as revenue_eur,
    cast(coalesce(mailing_orders.margin_eur, 0) as double) as margin_eur
from {{ ref('int_catalog__recipients') }} as recipients
inner join held_out on recipients.mailing_id = held_out.mailing_id
left join mailing_orders
    on recipients.mailing_id = mailing_orders.mailing_id and recipients.customer_key = mailing_orders.customer_key
where recipients.dropped_date <= {{ as_of_date() }}
