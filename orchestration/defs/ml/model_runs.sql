-- One row per model x figure of the last fit.
with figures as (
    select
        model,
        '2' as version,
        window_name || ': orders credited to channels' as metric,
        sum(conversions) as value,
        count(*) as rows,
        case when bool_or(verdict = 'supported') then 'supported' else 'not enough data' end as verdict
    from ml.channel_credits
    where level = 'channel'
    group by model, window_name

    union all

    select
        'journey_map' as model,
        '1' as version,
        window_name || ': conversion probability from the start' as metric,
        max(conversion_probability) as value,
        count(*) as rows,
        max(verdict) as verdict
    from ml.journey_map_nodes
    where segment = 'all' and node = 'start'
    group by window_name

    union all

    select
        'weather_sales' as model,
        '1' as version,
        'pairs with verdict: ' || verdict as metric,
        count(*) as value,
        count(*) as rows,
        verdict
    from ml.weather_effects
    group by verdict
)

select
    model,
    version,
    $data_version as data_version,
    cast($trained_at as timestamptz) as trained_at,
    rows,
    metric,
    cast(value as double) as value,
    verdict
from figures
order by model, metric
