-- One row per contact of an account's journey, of all persons who act for the account, in its order.
--
-- The same cuts as in int_journeys__steps, with the patience of purchasing departments: an order ends a journey, and so
-- does a silence longer than account_inactivity_days; contacts older than account_lookback_days before the order are a
-- journey of their own. An order that no contact led to stands for a contact itself.

with members as (

    -- A person who acts for several accounts is counted with the first of them.
    select
        persons.person_id,
        min_by(customers.account_id, customers.customer_key) as account_id,
        min_by(coalesce(customers.role, 'unknown'), customers.customer_key) as role
    from {{ ref('stg_sales__customers') }} as customers
    inner join {{ ref('int_identity__customers') }} as persons on customers.customer_key = persons.customer_key
    where customers.account_id is not null
    group by persons.person_id

),

orders as (

    select
        conversions.conversion_id,
        conversions.person_id,
        conversions.converted_at,
        conversions.sales_channel,
        coalesce(placed.account_id, members.account_id) as account_id,
        coalesce(members.role, 'unknown') as role
    from {{ ref('int_sales__conversions') }} as conversions
    inner join {{ ref('stg_sales__orders') }} as placed on conversions.order_id = placed.order_id
    left join members on conversions.person_id = members.person_id
    where placed.account_id is not null or members.account_id is not null

),

timeline as (

    select
        members.account_id,
        members.role,
        touchpoints.person_id,
        {{ epoch_micros('touchpoints.occurred_at') }} as at_micros,
        0 as is_order,
        touchpoints.touchpoint_id as entry_id,
        touchpoints.occurred_at,
        touchpoints.channel,
        touchpoints.campaign_id,
        touchpoints.touchpoint_type
    from {{ ref('int_journeys__touchpoints') }} as touchpoints
    inner join members on touchpoints.person_id = members.person_id
    where touchpoints.is_path_contact

    union all

    select
        orders.account_id,
        orders.role,
        orders.person_id,
        {{ epoch_micros('orders.converted_at') }} as at_micros,
        1 as is_order,
        orders.conversion_id as entry_id,
        orders.converted_at as occurred_at,
        coalesce(sales_channels.channel, 'other') as channel,
        null as campaign_id,
        null as touchpoint_type
    from orders
    left join {{ ref('sales_channel_contacts') }} as sales_channels
        on orders.sales_channel = sales_channels.sales_channel

),

{{ journey_parts(
    'account_id', var('account_inactivity_days', 180), var('account_lookback_days', 180)
) }},

numbered as (

    select
        *,
        count(*) over (partition by account_id, stretch_number, is_converted) as entries,
        first_value(entry_id) over part as first_entry_id,
        row_number() over part as step_number
    from parts
    window part as (partition by account_id, stretch_number, is_converted order by at_micros, is_order, entry_id)

)

select
    case
        when is_converted then concat('order:', conversion_id) else concat('lost:', first_entry_id)
    end as account_journey_id,
    account_id,
    step_number,
    case when is_converted then conversion_id end as conversion_id,
    case when is_order = 0 then entry_id end as touchpoint_id,
    person_id,
    role,
    occurred_at,
    touchpoint_type,
    channel,
    campaign_id
from numbered
where is_order = 0 or entries = 1
