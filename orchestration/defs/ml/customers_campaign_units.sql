-- One row per experiment x visitor, with the segment the searches before the assignment show.
select
    units.experiment_id,
    units.unit_id,
    units.campaign_id,
    units.arm,
    units.person_id,
    units.device_type,
    cast(units.device_type = 'mobile' as double) as is_mobile,
    cast(units.earlier_visits as double) as earlier_visits,
    cast(units.earlier_orders as double) as earlier_orders,
    cast(units.has_base as double) as has_base,
    cast(units.is_response as double) as is_response,
    cast(units.is_dropped as double) as is_dropped,
    cast(coalesce(units.margin_eur, 0) as double) as margin_eur
from intermediate.int_customers__campaign_units as units
order by units.experiment_id, units.unit_id
