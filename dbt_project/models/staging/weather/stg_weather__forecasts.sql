-- One row per place, hour, issue time and weather source, latest delivery.

select
    location_id,
    valid_at,
    {{ local_date('valid_at') }} as valid_date,
    issued_at,
    source,
    temperature_celsius,
    precipitation_mm,
    sunshine_minutes,
    wind_speed_ms,
    humidity_share,
    _source as feed,
    _delivery_date as delivery_date,
    _loaded_at as loaded_at
from {{ source('raw', 'weather_forecasts') }}
qualify {{ latest_delivery(['location_id', 'valid_at', 'issued_at', 'source']) }}
