-- One row per store: the place whose weather stands for it, and how far away that is.
--
-- `region_*` is the place of the store's region, which the sales of its region are held against; `nearest_*` is the
-- nearest place there is. Both are NULL for a store or a place without coordinates.

with distances as (

    select
        stores.store_id,
        stores.location_id as region_location_id,
        locations.location_id,
        {{ distance_km('stores.latitude', 'stores.longitude', 'locations.latitude', 'locations.longitude') }}
            as distance_km
    from {{ ref('stg_sales__stores') }} as stores
    cross join {{ ref('weather_locations') }} as locations
    where stores.latitude is not null and stores.longitude is not null

),

ranked as (

    select
        *,
        row_number() over (partition by store_id order by distance_km, location_id) as place
    from distances

)

select
    stores.store_id,
    stores.location_id as region_location_id,
    round(max(case when ranked.location_id = ranked.region_location_id then ranked.distance_km end), 1)
        as region_distance_km,
    max(case when ranked.place = 1 then ranked.location_id end) as nearest_location_id,
    round(min(ranked.distance_km), 1) as nearest_distance_km
from {{ ref('stg_sales__stores') }} as stores
left join ranked on stores.store_id = ranked.store_id
group by stores.store_id, stores.location_id
