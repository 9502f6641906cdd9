-- One row per window x category x dimension x value: the share of journeys that hold it, with and without an order.
--
-- Journeys of one person depend on each other, so persons' buckets give the variance (delete-one-bucket jackknife in
-- its linear form). A share's interval is Wilson's, at the number of independent journeys that variance stands for; the
-- difference keeps the covariance of a person's bought and lost journeys.

{% set groups = 'window_name, window_start, window_end' %}

with marked as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        traits.category,
        traits.dimension,
        traits.dimension_value,
        traits.person_bucket,
        traits.days,
        case when traits.is_converted then traits.journeys else 0 end as buyers,
        case when traits.is_converted then 0 else traits.journeys end as non_buyers,
        case when traits.is_converted then traits.visits else 0 end as buyer_visits
    from {{ ref('int_journeys__traits') }} as traits
    inner join {{ ref('int_journeys__windows') }} as windows
        on traits.end_date between windows.window_start and windows.window_end

),

bucket_totals as (

    select
        window_name,
        category,
        person_bucket,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers
    from marked
    where dimension = 'all'
    group by window_name, category, person_bucket

),

totals as (

    select
        window_name,
        category,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers
    from bucket_totals
    group by window_name, category

),

cells as (

    select
        {{ groups }},
        category,
        dimension,
        dimension_value,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers,
        sum(buyer_visits) / nullif(sum(buyers), 0) as visits_before_purchase_mean
    from marked
    where dimension <> 'all'
    group by {{ groups }}, category, dimension, dimension_value

),

medians as (

    select
        window_name,
        category,
        dimension,
        dimension_value,
        min(days) as days_to_purchase_median
    from (
        select
            window_name,
            category,
            dimension,
            dimension_value,
            days,
            sum(sum(buyers)) over (
                partition by window_name, category, dimension, dimension_value order by days
            ) as within,
            sum(sum(buyers)) over (partition by window_name, category, dimension, dimension_value) as buyers
        from marked
        group by window_name, category, dimension, dimension_value, days
    ) as distribution
    where buyers > 0 and within >= buyers / 2.0
    group by window_name, category, dimension, dimension_value

),

cell_buckets as (

    select
        window_name,
        category,
        dimension,
        dimension_value,
        person_bucket,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers
    from marked
    group by window_name, category, dimension, dimension_value, person_bucket

),

shares as (

    select
        cells.*,
        totals.buyers as all_buyers,
        totals.non_buyers as all_non_buyers,
        cells.buyers / nullif(totals.buyers, 0) as buyer_share,
        cells.non_buyers / nullif(totals.non_buyers, 0) as non_buyer_share
    from cells
    inner join totals on cells.window_name = totals.window_name and cells.category = totals.category

),

-- By how much each bucket pulls a share up or down.
pulls as (

    select
        shares.window_name,
        shares.category,
        shares.dimension,
        shares.dimension_value,
        (coalesce(cell_buckets.buyers, 0) - shares.buyer_share * bucket_totals.buyers)
        / nullif(shares.all_buyers, 0) as buyer_pull,
        (coalesce(cell_buckets.non_buyers, 0) - shares.non_buyer_share * bucket_totals.non_buyers)
        / nullif(shares.all_non_buyers, 0) as non_buyer_pull
    from shares
    inner join bucket_totals
        on shares.window_name = bucket_totals.window_name and shares.category = bucket_totals.category
    left join cell_buckets
        on
            shares.window_name = cell_buckets.window_name
            and shares.category = cell_buckets.category
            and shares.dimension = cell_buckets.dimension
            and shares.dimension_value = cell_buckets.dimension_value
            and bucket_totals.person_bucket = cell_buckets.person_bucket

),

variances as (

    select
        window_name,
        category,
        dimension,
        dimension_value,
        sum(buyer_pull * buyer_pull) * 100 / 99.0 as buyer_variance,
        sum(non_buyer_pull * non_buyer_pull) * 100 / 99.0 as non_buyer_variance,
        {{ jackknife_margin('sum((buyer_pull - non_buyer_pull) * (buyer_pull - non_buyer_pull))') }}
            as difference_margin
    from pulls
    group by window_name, category, dimension, dimension_value

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
            and shares.category = variances.category
            and shares.dimension = variances.dimension
            and shares.dimension_value = variances.dimension_value

)

select
    sized.window_name,
    sized.window_start,
    sized.window_end,
    sized.category,
    sized.dimension,
    sized.dimension_value,
    cast(sized.buyers as bigint) as buyer_journeys,
    cast(sized.non_buyers as bigint) as non_buyer_journeys,
    sized.buyer_share,
    {{ wilson_bound('sized.buyer_share', 'sized.buyer_size', '-') }} as buyer_share_low,
    {{ wilson_bound('sized.buyer_share', 'sized.buyer_size', '+') }} as buyer_share_high,
    sized.non_buyer_share,
    {{ wilson_bound('sized.non_buyer_share', 'sized.non_buyer_size', '-') }} as non_buyer_share_low,
    {{ wilson_bound('sized.non_buyer_share', 'sized.non_buyer_size', '+') }} as non_buyer_share_high,
    sized.buyer_share - sized.non_buyer_share as difference,
    case
        when sized.all_buyers > 0 and sized.all_non_buyers > 0
            then greatest(sized.buyer_share - sized.non_buyer_share - sized.difference_margin, -1)
    end as difference_low,
    case
        when sized.all_buyers > 0 and sized.all_non_buyers > 0
            then least(sized.buyer_share - sized.non_buyer_share + sized.difference_margin, 1)
    end as difference_high,
    cast(sized.visits_before_purchase_mean as double) as visits_before_purchase_mean,
    cast(medians.days_to_purchase_median as double) as days_to_purchase_median,
    case
        when least(sized.buyers + sized.non_buyers, sized.all_buyers, sized.all_non_buyers) < 30 then 'not enough data'
        when abs(sized.buyer_share - sized.non_buyer_share) > sized.difference_margin then 'supported'
        else 'no clear difference'
    end as verdict
from sized
left join medians
    on
        sized.window_name = medians.window_name
        and sized.category = medians.category
        and sized.dimension = medians.dimension
        and sized.dimension_value = medians.dimension_value
