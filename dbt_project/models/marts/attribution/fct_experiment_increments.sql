-- One row per window x experiment x arm: what the treated bought more than the controls, with 95 % intervals.
--
-- Intention to treat: every assigned unit counts in its arm. The interval is Welch's for the difference of two means,
-- the relative uplift's the delta method's. Arm `any` takes all treated units together, so that an experiment with
-- several treatments is counted once.

{% set planned = var('experiment_control_share', 0.5) %}
{% set difference = 'abs(controls.units - ' ~ planned ~ ' * (controls.units + treated.units))' %}
{% set spread = '(controls.units + treated.units) * ' ~ planned ~ ' * (1 - ' ~ planned ~ ')' %}

with windowed as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        units.source,
        units.experiment_id,
        units.unit_type,
        case when together.is_together then 'any' else units.arm end as arm,
        units.campaign_id,
        units.channel,
        units.assigned_date,
        units.window_days,
        units.orders,
        units.revenue_eur,
        units.margin_eur
    from {{ ref('int_experiments__units') }} as units
    inner join {{ ref('int_journeys__windows') }} as windows
        on units.assigned_date between windows.window_start and windows.window_end
    cross join (values (false), (true)) as together (is_together)
    where units.arm <> 'control' or not together.is_together

),

arms as (

    select
        window_name,
        window_start,
        window_end,
        source,
        experiment_id,
        unit_type,
        arm,
        max(campaign_id) as campaign_id,
        max(channel) as channel,
        min(assigned_date) as first_assigned_date,
        max(assigned_date) as last_assigned_date,
        max(window_days) as window_days,
        count(*) as units,
        sum(orders) as orders,
        avg(orders) as orders_mean,
        avg(revenue_eur) as revenue_mean,
        avg(margin_eur) as margin_mean,
        var_samp(orders) / count(*) as orders_variance,
        var_samp(revenue_eur) / count(*) as revenue_variance,
        var_samp(margin_eur) / count(*) as margin_variance
    from windowed
    group by window_name, window_start, window_end, source, experiment_id, unit_type, arm

),

compared as (

    select
        treated.*,
        controls.units as control_units,
        controls.orders as control_orders,
        controls.orders_mean as control_orders_mean,
        controls.revenue_mean as control_revenue_mean,
        treated.orders_mean - controls.orders_mean as difference,
        1.96 * sqrt(treated.orders_variance + controls.orders_variance) as margin,
        treated.revenue_mean - controls.revenue_mean as revenue_difference,
        1.96 * sqrt(treated.revenue_variance + controls.revenue_variance) as revenue_margin,
        treated.margin_mean - controls.margin_mean as margin_difference,
        1.96 * sqrt(treated.margin_variance + controls.margin_variance) as margin_margin,
        treated.orders_mean / nullif(controls.orders_mean, 0) as ratio,
        1.96 * sqrt(
            treated.orders_variance / nullif(power(controls.orders_mean, 2), 0)
            + power(treated.orders_mean, 2) * controls.orders_variance / nullif(power(controls.orders_mean, 4), 0)
        ) as ratio_margin,
        -- The planned split is known of A/B tests only; a test that lost units of one arm says nothing.
        case
            when treated.source = 'experiment' and treated.arm = 'any'
                then {{ difference }} <= 3.29 * sqrt({{ spread }})
        end as is_sample_ratio_ok
    from arms as treated
    inner join arms as controls
        on
            treated.window_name = controls.window_name
            and treated.source = controls.source
            and treated.experiment_id = controls.experiment_id
            and treated.unit_type = controls.unit_type
            and controls.arm = 'control'
    where treated.arm <> 'control'

)

select
    window_name,
    window_start,
    window_end,
    experiment_id,
    arm,
    source,
    unit_type,
    channel,
    campaign_id,
    first_assigned_date,
    last_assigned_date,
    {{ add_days('last_assigned_date', 'window_days') }} <= window_end as is_complete,
    cast(window_days as bigint) as window_days,
    control_units,
    units as treated_units,
    cast(control_orders as bigint) as control_orders,
    cast(orders as bigint) as treated_orders,
    cast(control_orders_mean as double) as control_orders_per_unit,
    cast(orders_mean as double) as treated_orders_per_unit,
    cast(difference as double) as difference,
    cast(difference - margin as double) as difference_low,
    cast(difference + margin as double) as difference_high,
    cast(ratio - 1 as double) as relative_uplift,
    cast(ratio - 1 - ratio_margin as double) as relative_uplift_low,
    cast(ratio - 1 + ratio_margin as double) as relative_uplift_high,
    cast(difference * units as double) as conversions,
    cast((difference - margin) * units as double) as conversions_low,
    cast((difference + margin) * units as double) as conversions_high,
    cast(revenue_difference * units as double) as revenue_eur,
    cast((revenue_difference - revenue_margin) * units as double) as revenue_low,
    cast((revenue_difference + revenue_margin) * units as double) as revenue_high,
    cast(margin_difference * units as double) as margin_eur,
    cast((margin_difference - margin_margin) * units as double) as margin_low,
    cast((margin_difference + margin_margin) * units as double) as margin_high,
    is_sample_ratio_ok,
    case
        when control_units < 30 or units < 30 or control_orders + orders < 30 then 'not enough data'
        when not coalesce(is_sample_ratio_ok, true) then 'sample ratio mismatch'
        when abs(difference) > margin then 'supported'
        else 'no clear difference'
    end as verdict
from compared
