-- One row per place, hour and weather source, latest delivery; gaps stay gaps.

select
    location_id,
    observed_at,
    {{ local_date('observed_at') }} as observed_date,
    source,
    temperature_celsius,
    precipitation_mm,
    sunshine_minutes,
    wind_speed_ms,
    humidity_share,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'weather_observations') }}
qualify {{ latest_delivery(['location_id', 'observed_at', 'source']) }}
