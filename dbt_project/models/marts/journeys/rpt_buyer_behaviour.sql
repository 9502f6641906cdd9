-- One row per window x category x measure: visits, contacts and days of journeys, with and without an order.
--
-- Means with the delete-one-bucket jackknife in its linear form; the difference keeps the covariance of a person's
-- bought and lost journeys.

with windowed as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        traits.category,
        measures.measure,
        traits.person_bucket,
        case when traits.is_converted then traits.journeys else 0 end as buyers,
        case when traits.is_converted then 0 else traits.journeys end as non_buyers,
        case measures.measure
            when 'visits' then traits.visits
            when 'contacts' then traits.contacts
            else traits.days * traits.journeys
        end as amount,
        traits.is_converted
    from {{ ref('int_journeys__traits') }} as traits
    cross join (values ('visits'), ('contacts'), ('days')) as measures (measure)
    inner join {{ ref('int_journeys__windows') }} as windows
        on traits.end_date between windows.window_start and windows.window_end
    where traits.dimension = 'all'

),

buckets as (

    select
        window_name,
        window_start,
        window_end,
        category,
        measure,
        person_bucket,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers,
        sum(case when is_converted then amount else 0 end) as buyer_amount,
        sum(case when is_converted then 0 else amount end) as non_buyer_amount
    from windowed
    group by window_name, window_start, window_end, category, measure, person_bucket

),

totals as (

    select
        window_name,
        category,
        measure,
        sum(buyers) as buyers,
        sum(non_buyers) as non_buyers,
        sum(buyer_amount) / nullif(sum(buyers), 0) as buyer_mean,
        sum(non_buyer_amount) / nullif(sum(non_buyers), 0) as non_buyer_mean
    from buckets
    group by window_name, category, measure

),

pulls as (

    select
        buckets.window_name,
        buckets.window_start,
        buckets.window_end,
        buckets.category,
        buckets.measure,
        totals.buyers,
        totals.non_buyers,
        totals.buyer_mean,
        totals.non_buyer_mean,
        (buckets.buyer_amount - totals.buyer_mean * buckets.buyers) / nullif(totals.buyers, 0) as buyer_pull,
        (buckets.non_buyer_amount - totals.non_buyer_mean * buckets.non_buyers)
        / nullif(totals.non_buyers, 0) as non_buyer_pull
    from buckets
    inner join totals
        on
            buckets.window_name = totals.window_name
            and buckets.category = totals.category
            and buckets.measure = totals.measure

),

measured as (

    select
        window_name,
        window_start,
        window_end,
        category,
        measure,
        max(buyers) as buyers,
        max(non_buyers) as non_buyers,
        max(buyer_mean) as buyer_mean,
        max(non_buyer_mean) as non_buyer_mean,
        {{ jackknife_margin('sum(buyer_pull * buyer_pull)') }} as buyer_margin,
        {{ jackknife_margin('sum(non_buyer_pull * non_buyer_pull)') }} as non_buyer_margin,
        {{ jackknife_margin('sum((buyer_pull - non_buyer_pull) * (buyer_pull - non_buyer_pull))') }}
            as difference_margin
    from pulls
    group by window_name, window_start, window_end, category, measure

)

select
    window_name,
    window_start,
    window_end,
    category,
    measure,
    cast(buyers as bigint) as buyer_journeys,
    cast(non_buyers as bigint) as non_buyer_journeys,
    cast(buyer_mean as double) as buyer_mean,
    cast(case when buyers > 0 then greatest(buyer_mean - buyer_margin, 0) end as double)
        as buyer_mean_low,
    cast(buyer_mean + buyer_margin as double) as buyer_mean_high,
    cast(non_buyer_mean as double) as non_buyer_mean,
    cast(case when non_buyers > 0 then greatest(non_buyer_mean - non_buyer_margin, 0) end as double)
        as non_buyer_mean_low,
    cast(non_buyer_mean + non_buyer_margin as double) as non_buyer_mean_high,
    cast(buyer_mean - non_buyer_mean as double) as difference,
    cast(buyer_mean - non_buyer_mean - difference_margin as double) as difference_low,
    cast(buyer_mean - non_buyer_mean + difference_margin as double) as difference_high,
    case
        when least(buyers, non_buyers) < 30 then 'not enough data'
        when abs(buyer_mean - non_buyer_mean) > difference_margin then 'supported'
        else 'no clear difference'
    end as verdict
from measured
