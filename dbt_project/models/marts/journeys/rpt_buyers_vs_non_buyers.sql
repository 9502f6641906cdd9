-- One row per window x dimension x value: the share of journeys that contain it, with and without an order.
--
-- Journeys of one person depend on each other, so persons' buckets give the variance (delete-one-bucket jackknife in
-- its linear form). A share's interval is Wilson's, at the number of independent journeys that variance stands for; the
-- difference keeps the covariance of a person's bought and lost journeys.

{% set groups = 'window_name, window_start, window_end' %}

with journeys as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        journeys.journey_id,
        journeys.person_bucket,
        journeys.is_converted,
        journeys.visit_count,
        journeys.duration_seconds / 86400.0 as days
    from {{ ref('int_journeys__journeys') }} as journeys
    inner join {{ ref('int_journeys__windows') }} as windows
        on journeys.end_date between windows.window_start and windows.window_end

),

traits as (

    select distinct
        journey_id,
        'channel' as dimension,
        channel as dimension_value
    from {{ ref('int_journeys__steps') }}
    union all
    select distinct
        journey_id,
        'touchpoint_type' as dimension,
        touchpoint_type as dimension_value
    from {{ ref('int_journeys__steps') }}
    where touchpoint_type is not null
    union all
    select distinct
        journey_id,
        'device' as dimension,
        device_type as dimension_value
    from {{ ref('int_journeys__steps') }}
    where device_type is not null

),

marked as (

    select
        journeys.*,
        traits.dimension,
        traits.dimension_value
    from journeys
    inner join traits on journeys.journey_id = traits.journey_id

),

bucket_totals as (

    select
        {{ groups }},
        person_bucket,
        count(case when is_converted then 1 end) as buyers,
        count(case when not is_converted then 1 end) as non_buyers
    from journeys
    group by {{ groups }}, person_bucket

),

totals as (

    select
        {{ groups }},
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers
    from bucket_totals
    group by {{ groups }}

),

cells as (

    select
        {{ groups }},
        dimension,
        dimension_value,
        count(case when is_converted then 1 end) as buyers,
        count(case when not is_converted then 1 end) as non_buyers,
        avg(case when is_converted then visit_count end) as visits_before_purchase_mean,
        percentile_cont(0.5) within group (order by case when is_converted then days end) as days_to_purchase_median
    from marked
    group by {{ groups }}, dimension, dimension_value

),

cell_buckets as (

    select
        window_name,
        dimension,
        dimension_value,
        person_bucket,
        count(case when is_converted then 1 end) as buyers,
        count(case when not is_converted then 1 end) as non_buyers
    from marked
    group by window_name, dimension, dimension_value, person_bucket

),

shares as (

    select
        cells.*,
        totals.buyers as all_buyers,
        totals.non_buyers as all_non_buyers,
        cells.buyers / nullif(totals.buyers, 0) as buyer_share,
        cells.non_buyers / nullif(totals.non_buyers, 0) as non_buyer_share
    from cells
    inner join totals on cells.window_name = totals.window_name

),

-- By how much each bucket pulls a share up or down.
pulls as (

    select
        shares.window_name,
        shares.dimension,
        shares.dimension_value,
        (coalesce(cell_buckets.buyers, 0) - shares.buyer_share * bucket_totals.buyers)
        / nullif(shares.all_buyers, 0) as buyer_pull,
        (coalesce(cell_buckets.non_buyers, 0) - shares.non_buyer_share * bucket_totals.non_buyers)
        / nullif(shares.all_non_buyers, 0) as non_buyer_pull
    from shares
    inner join bucket_totals on shares.window_name = bucket_totals.window_name
    left join cell_buckets
        on
            shares.window_name = cell_buckets.window_name
            and shares.dimension = cell_buckets.dimension
            and shares.dimension_value = cell_buckets.dimension_value
            and bucket_totals.person_bucket = cell_buckets.person_bucket

),

variances as (

    select
        window_name,
        dimension,
        dimension_value,
        sum(buyer_pull * buyer_pull) * 100 / 99.0 as buyer_variance,
        sum(non_buyer_pull * non_buyer_pull) * 100 / 99.0 as non_buyer_variance,
        {{ jackknife_margin('sum((buyer_pull - non_buyer_pull) * (buyer_pull - non_buyer_pull))') }}
            as difference_margin
    from pulls
    group by window_name, dimension, dimension_value

),

sized as (

    select
        shares.*,
        variances.difference_margin,
        {{ effective_size('shares.buyer_share', 'shares.all_buyers', 'variances.buyer_variance') }} as buyer_size,
        {{ effective_size('shares.non_buyer_share', 'shares.all_non_buyers', 'variances.non_buyer_variance') }}
            as non_buyer_size
    from shares
    inner join variances
        on
            shares.window_name = variances.window_name
            and shares.dimension = variances.dimension
            and shares.dimension_value = variances.dimension_value

)

select
    window_name,
    window_start,
    window_end,
    dimension,
    dimension_value,
    buyers as buyer_journeys,
    non_buyers as non_buyer_journeys,
    buyer_share,
    {{ wilson_bound('buyer_share', 'buyer_size', '-') }} as buyer_share_low,
    {{ wilson_bound('buyer_share', 'buyer_size', '+') }} as buyer_share_high,
    non_buyer_share,
    {{ wilson_bound('non_buyer_share', 'non_buyer_size', '-') }} as non_buyer_share_low,
    {{ wilson_bound('non_buyer_share', 'non_buyer_size', '+') }} as non_buyer_share_high,
    buyer_share - non_buyer_share as difference,
    greatest(buyer_share - non_buyer_share - difference_margin, -1) as difference_low,
    least(buyer_share - non_buyer_share + difference_margin, 1) as difference_high,
    visits_before_purchase_mean,
    days_to_purchase_median,
    case
        when buyers + non_buyers < 30 or all_buyers < 30 or all_non_buyers < 30 then 'not enough data'
        when abs(buyer_share - non_buyer_share) > difference_margin then 'supported'
        else 'no clear difference'
    end as verdict
from sized
