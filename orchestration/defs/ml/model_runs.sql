-- One row per model x figure of the last fit.
with figures as (
    select
        model,
        'channel_credits' as asset,
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
        'journey_map_nodes' as asset,
        window_name || ': conversion probability from the start' as metric,
        max(conversion_probability) as value,
        count(*) as rows,
        max(verdict) as verdict
    from ml.journey_map_nodes
    where segment = 'all' and node = 'start'
    group by window_name

    union all

    select
        'cji_incidents' as model,
        'cji_incidents' as asset,
        phase_model || ': incidents of the last year' as metric,
        count(*) as value,
        count(*) as rows,
        'supported' as verdict
    from ml.cji_incidents
    group by phase_model

    union all

    select
        'cji_predictions' as model,
        'cji_predictions' as asset,
        phase_model || ': share of the error of persistence taken away' as metric,
        gain as value,
        "rows",
        verdict
    from ml.cji_predictions

    union all

    select
        'weather_sales' as model,
        'weather_effects' as asset,
        'pairs with verdict: ' || verdict as metric,
        count(*) as value,
        count(*) as rows,
        verdict
    from ml.weather_effects
    group by verdict

    union all

    select
        'series_screening' as model,
        'series_effects' as asset,
        'pairs with verdict: ' || verdict as metric,
        count(*) as value,
        count(*) as rows,
        verdict
    from ml.series_effects
    group by verdict

    union all

    select
        'cji_directions' as model,
        'cji_directions' as asset,
        phase_model || ': directions with verdict ' || verdict as metric,
        count(*) as value,
        count(*) as rows,
        verdict
    from ml.cji_directions
    group by phase_model, verdict

    union all

    select
        'catalog_effect' as model,
        'catalog_effects' as asset,
        mailing_id || ': profit per customer, ' || treated_arm || ' against ' || control_arm as metric,
        profit as value,
        treated + controls as rows,
        verdict
    from ml.catalog_effects
    where dimension = 'all'

    union all

    select
        'catalog_targets' as model,
        'catalog_targeting' as asset,
        unnest(['qini per customer', 'gain of choosing per customer', 'slope of measured on expected uplift']) as metric,
        unnest([qini, gain, slope]) as value,
        rows,
        verdict
    from ml.catalog_targeting

    union all

    select
        'response_curves' as model,
        'response_channels' as asset,
        channel || ': ' || outcome || ' per euro' as metric,
        roas as value,
        days as rows,
        verdict
    from ml.response_channels

    union all

    select
        model,
        'customer_models' as asset,
        unnest(['AUC out of time', 'observed per predicted']) as metric,
        unnest([auc, ratio]) as value,
        rows,
        verdict
    from ml.customer_models

    union all

    select
        'campaign_effects' as model,
        'campaign_effects' as asset,
        experiment_id || ': ' || kind as metric,
        effect as value,
        treated + controls as rows,
        verdict
    from ml.campaign_effects
    where segment = 'all'
)

select
    model,
    $versions[asset] as version,
    $data_version as data_version,
    cast($trained_at as timestamptz) as trained_at,
    rows,
    metric,
    cast(value as double) as value,
    verdict
from figures
order by model, metric
