-- One row per order x channel x campaign on its path: the share of the order each rule credits (1 in all per order).
--
-- Position gives 40 % to the first and the last contact and 20 % to those between; two contacts share equally.
-- Which contacts and orders count is said by the variables attribution_transform and attribution_orders.
-- Time decay counts back from the last contact, not from the order: the shares are the same and never vanish.

{% set half_life_micros = var('attribution_half_life_days', 7) * 86400000000 %}

{% set affected %}
select conversion_id from {{ changes('int_journeys__steps') }}
union all
select conversion_id from {{ changes('int_sales__conversions') }}
{% endset %}
{{ config(
    materialized='keyed', key=['conversion_id'], affected=affected, logged=['conversion_id', 'conversion_date']
) }}

with steps as (

    select
        conversion_id,
        channel,
        coalesce(campaign_id, '') as campaign_id,
        step_number,
        {{ epoch_micros('occurred_at') }} as at_micros
    from {{ ref('int_journeys__steps') }}
    where conversion_id is not null and {{ affected_only('conversion_id') }}

),

kept as (

    {{ transformed_steps('steps') }}

),

placed as (

    select
        *,
        count(*) over path as step_count,
        coalesce(
            max(case when channel <> 'direct' then step_number end) over path, count(*) over path
        ) as last_non_direct_step,
        power(2e0, (at_micros - max(at_micros) over path) / {{ half_life_micros }}e0) as freshness
    from kept
    window path as (partition by conversion_id)

),

weighted as (

    select
        conversion_id,
        channel,
        campaign_id,
        case when step_number = 1 then 1e0 else 0e0 end as first_credit,
        case when step_number = step_count then 1e0 else 0e0 end as last_credit,
        case when step_number = last_non_direct_step then 1e0 else 0e0 end as last_non_direct_credit,
        1e0 / step_count as linear_credit,
        case
            when step_count <= 2 then 1e0 / step_count
            when step_number in (1, step_count) then 4e-1
            else 2e-1 / (step_count - 2)
        end as position_credit,
        freshness / sum(freshness) over (partition by conversion_id) as time_decay_credit
    from placed

)

select
    weighted.conversion_id,
    weighted.channel,
    weighted.campaign_id,
    orders.person_bucket,
    orders.conversion_date,
    orders.revenue_eur,
    orders.margin_eur,
    sum(weighted.first_credit) as first_credit,
    sum(weighted.last_credit) as last_credit,
    sum(weighted.last_non_direct_credit) as last_non_direct_credit,
    sum(weighted.linear_credit) as linear_credit,
    sum(weighted.position_credit) as position_credit,
    sum(weighted.time_decay_credit) as time_decay_credit
from weighted
inner join {{ ref('int_sales__conversions') }} as orders on weighted.conversion_id = orders.conversion_id
where {{ attributed_orders('orders.is_first_order') }}
group by
    weighted.conversion_id,
    weighted.channel,
    weighted.campaign_id,
    orders.person_bucket,
    orders.conversion_date,
    orders.revenue_eur,
    orders.margin_eur
