-- One row per window or day x rule model x level x channel x campaign: credits with their 95 % intervals.
--
-- Sums over 100 person buckets give the variance: of a sum by the delete-one-bucket jackknife, of a share by its
-- linear form, for which three sums of products suffice. A level `channel` row has campaign ''.

with windowed as (

    select
        windows.window_name,
        credits.model,
        credits.channel,
        credits.campaign_id,
        credits.person_bucket,
        sum(credits.conversions) as conversions,
        sum(credits.revenue_eur) as revenue_eur,
        sum(credits.margin_eur) as margin_eur
    from {{ ref('int_attribution__bucket_credits') }} as credits
    inner join {{ ref('int_journeys__windows') }} as windows
        on credits.conversion_date between windows.window_start and windows.window_end
    group by windows.window_name, credits.model, credits.channel, credits.campaign_id, credits.person_bucket

    union all

    select
        concat('day:', cast(conversion_date as {{ dbt.type_string() }})) as window_name,
        model,
        channel,
        campaign_id,
        person_bucket,
        conversions,
        revenue_eur,
        margin_eur
    from {{ ref('int_attribution__bucket_credits') }}
    where conversion_date <= {{ as_of_date() }}

),

levels as (

    select
        window_name,
        model,
        'channel' as level,
        channel,
        '' as campaign_id,
        person_bucket,
        sum(conversions) as conversions,
        sum(revenue_eur) as revenue_eur,
        sum(margin_eur) as margin_eur
    from windowed
    group by window_name, model, channel, person_bucket

    union all

    select
        window_name,
        model,
        'campaign' as level,
        channel,
        campaign_id,
        person_bucket,
        conversions,
        revenue_eur,
        margin_eur
    from windowed

),

bucket_totals as (

    select
        window_name,
        model,
        person_bucket,
        sum(conversions) as conversions
    from windowed
    group by window_name, model, person_bucket

),

totals as (

    select
        window_name,
        model,
        sum(conversions) as conversions,
        sum(conversions * conversions) as squares
    from bucket_totals
    group by window_name, model

),

cells as (

    select
        levels.window_name,
        levels.model,
        levels.level,
        levels.channel,
        levels.campaign_id,
        sum(levels.conversions) as conversions,
        sum(levels.revenue_eur) as revenue_eur,
        sum(levels.margin_eur) as margin_eur,
        sum(levels.conversions * levels.conversions) as conversion_squares,
        sum(levels.revenue_eur * levels.revenue_eur) as revenue_squares,
        sum(levels.conversions * bucket_totals.conversions) as cross_products
    from levels
    inner join bucket_totals
        on
            levels.window_name = bucket_totals.window_name
            and levels.model = bucket_totals.model
            and levels.person_bucket = bucket_totals.person_bucket
    group by levels.window_name, levels.model, levels.level, levels.channel, levels.campaign_id

),

measured as (

    select
        cells.*,
        cells.conversions / totals.conversions as share,
        {{ jackknife_margin(
            'cells.conversion_squares - cells.conversions * cells.conversions / 100', 'cells.conversion_squares'
        ) }} as conversions_margin,
        {{ jackknife_margin(
            'cells.revenue_squares - cells.revenue_eur * cells.revenue_eur / 100', 'cells.revenue_squares'
        ) }} as revenue_margin,
        {{ jackknife_margin(
            'cells.conversion_squares - 2 * cells.conversions / totals.conversions * cells.cross_products'
            ~ ' + power(cells.conversions / totals.conversions, 2) * totals.squares',
            'cells.conversion_squares'
        ) }} / totals.conversions as share_margin
    from cells
    inner join totals on cells.window_name = totals.window_name and cells.model = totals.model

)

select
    window_name,
    model,
    level,
    channel,
    campaign_id,
    conversions,
    greatest(conversions - conversions_margin, 0) as conversions_low,
    conversions + conversions_margin as conversions_high,
    revenue_eur,
    greatest(revenue_eur - revenue_margin, 0) as revenue_low,
    revenue_eur + revenue_margin as revenue_high,
    margin_eur,
    share,
    greatest(share - share_margin, 0) as share_low,
    least(share + share_margin, 1) as share_high
from measured
