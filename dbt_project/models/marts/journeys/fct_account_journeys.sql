-- One row per journey of a business account: the contacts of all its persons up to an order, or up to a long silence.

with roles as (

    select
        account_journey_id,
        role,
        count(*) as contacts,
        count(*) * 1e0 / sum(count(*)) over (partition by account_journey_id) as share
    from {{ ref('int_journeys__account_steps') }}
    group by account_journey_id, role

),

breadths as (

    select
        account_journey_id,
        count(*) as role_count,
        -- The number of roles that equal shares of the contacts would stand for.
        exp(-sum(share * ln(share))) as breadth,
        {{ ordered_list('role', ['role']) }} as roles
    from roles
    group by account_journey_id

),

journeys as (

    select
        account_journey_id,
        account_id,
        conversion_id,
        min(occurred_at) as started_at,
        max(occurred_at) as last_contact_at,
        {{ ordered_list('channel', ['step_number']) }} as path,
        {{ ordered_list("coalesce(campaign_id, '')", ['step_number']) }} as campaign_path,
        {{ ordered_list('role', ['step_number']) }} as role_path,
        count(touchpoint_id) as touchpoint_count,
        count(case when touchpoint_type = 'visit' then 1 end) as visit_count,
        count(distinct person_id) as person_count
    from {{ ref('int_journeys__account_steps') }}
    group by account_journey_id, account_id, conversion_id

),

dated as (

    select
        journeys.*,
        coalesce(orders.converted_at, journeys.last_contact_at) as ended_at,
        orders.revenue_eur,
        orders.margin_eur
    from journeys
    left join {{ ref('int_sales__conversions') }} as orders on journeys.conversion_id = orders.conversion_id

)

select
    dated.account_journey_id,
    dated.account_id,
    {{ bucket_of('dated.account_id') }} as account_bucket,
    dated.started_at,
    dated.ended_at,
    {{ local_date('dated.ended_at') }} as end_date,
    dated.conversion_id is not null as is_converted,
    dated.conversion_id is null
    and {{ days_between(local_date('dated.ended_at'), as_of_date()) }} <= {{ var('account_inactivity_days', 180) }}
        as is_open,
    dated.conversion_id,
    dated.path,
    dated.campaign_path,
    dated.role_path,
    dated.touchpoint_count,
    dated.visit_count,
    dated.person_count,
    breadths.role_count,
    cast(breadths.breadth as double) as breadth,
    breadths.roles,
    cast({{ epoch_seconds('dated.ended_at') }} - {{ epoch_seconds('dated.started_at') }} as double)
        as duration_seconds,
    cast(coalesce(dated.revenue_eur, 0) as decimal(18, 2)) as revenue_eur,
    cast(case when dated.conversion_id is null then 0 else dated.margin_eur end as decimal(18, 2)) as margin_eur
from dated
inner join breadths on dated.account_journey_id = breadths.account_journey_id
