-- One row per window x rule model x channel: coupon, discount and days to purchase of the orders it is credited with.
--
-- Means weigh every order by its credit; their variance is the delete-one-bucket jackknife's in its linear form, and a
-- share's interval Wilson's at the number of independent orders that variance stands for. The median's interval is
-- Woodruff's: the days at which the distribution passes one half more or less the error that it has at the median.
-- Rounding keeps sums of fractions from telling a share of 1 from one that is all but 1.

{% set cell = 'window_name, model, channel' %}
{% set size = effective_size('cells.coupon_share', 'cells.conversions', 'errors.coupon_variance') | trim %}

with terms as (

    select
        windows.window_name,
        windows.window_start,
        windows.window_end,
        terms.model,
        terms.channel,
        terms.person_bucket,
        terms.days_to_purchase,
        sum(terms.conversions) as conversions,
        sum(terms.coupons) as coupons,
        sum(terms.discount_eur) as discount_eur
    from {{ ref('int_attribution__order_terms') }} as terms
    inner join {{ ref('int_journeys__windows') }} as windows
        on terms.conversion_date between windows.window_start and windows.window_end
    group by
        windows.window_name,
        windows.window_start,
        windows.window_end,
        terms.model,
        terms.channel,
        terms.person_bucket,
        terms.days_to_purchase

),

cells as (

    select
        window_name,
        window_start,
        window_end,
        model,
        channel,
        sum(conversions) as conversions,
        round(sum(coupons) / sum(conversions), 12) as coupon_share,
        sum(discount_eur) / sum(conversions) as discount_mean
    from terms
    group by window_name, window_start, window_end, model, channel

),

-- The share of orders placed within so many days. Sums of fractions may miss one half by a rounding.
distribution as (

    select
        {{ cell }},
        days_to_purchase,
        sum(sum(conversions)) over (partition by {{ cell }} order by days_to_purchase)
        / sum(sum(conversions)) over (partition by {{ cell }}) + 1e-12 as share_within
    from terms
    group by {{ cell }}, days_to_purchase

),

medians as (

    select
        {{ cell }},
        min(days_to_purchase) as days_median
    from distribution
    where share_within >= 0.5
    group by {{ cell }}

),

buckets as (

    select
        terms.window_name,
        terms.model,
        terms.channel,
        terms.person_bucket,
        sum(terms.conversions) as conversions,
        sum(terms.coupons) as coupons,
        sum(terms.discount_eur) as discount_eur,
        sum(case when terms.days_to_purchase <= medians.days_median then terms.conversions else 0 end) as within
    from terms
    inner join medians
        on
            terms.window_name = medians.window_name
            and terms.model = medians.model
            and terms.channel = medians.channel
    group by terms.window_name, terms.model, terms.channel, terms.person_bucket

),

positions as (

    select
        {{ cell }},
        sum(within) / sum(conversions) as share
    from buckets
    group by {{ cell }}

),

errors as (

    select
        cells.window_name,
        cells.model,
        cells.channel,
        round(
            sum(power(buckets.coupons - cells.coupon_share * buckets.conversions, 2)) * 100 / 99.0
            / power(max(cells.conversions), 2), 15
        ) as coupon_variance,
        {{ jackknife_margin('sum(power(buckets.discount_eur - cells.discount_mean * buckets.conversions, 2))') }}
        / max(cells.conversions) as discount_margin,
        {{ jackknife_margin('sum(power(buckets.within - positions.share * buckets.conversions, 2))') }}
        / max(cells.conversions) as within_margin
    from cells
    inner join buckets
        on
            cells.window_name = buckets.window_name
            and cells.model = buckets.model
            and cells.channel = buckets.channel
    inner join positions
        on
            cells.window_name = positions.window_name
            and cells.model = positions.model
            and cells.channel = positions.channel
    group by cells.window_name, cells.model, cells.channel

),

median_ends as (

    select
        distribution.window_name,
        distribution.model,
        distribution.channel,
        min(case when distribution.share_within >= 0.5 - errors.within_margin then distribution.days_to_purchase end)
            as days_low,
        min(case when distribution.share_within >= 0.5 + errors.within_margin then distribution.days_to_purchase end)
            as days_high,
        max(distribution.days_to_purchase) as days_longest
    from distribution
    inner join errors
        on
            distribution.window_name = errors.window_name
            and distribution.model = errors.model
            and distribution.channel = errors.channel
    group by distribution.window_name, distribution.model, distribution.channel

)

select
    cells.window_name,
    cells.window_start,
    cells.window_end,
    cells.model,
    cells.channel,
    cast(cells.conversions as double) as conversions,
    cast(cells.coupon_share as double) as coupon_share,
    cast(greatest({{ wilson_bound('cells.coupon_share', size, '-') }}, 0) as double) as coupon_share_low,
    cast({{ wilson_bound('cells.coupon_share', size, '+') }} as double) as coupon_share_high,
    cast(cells.discount_mean as double) as discount_mean_eur,
    cast(greatest(cells.discount_mean - errors.discount_margin, 0) as double) as discount_mean_low,
    cast(cells.discount_mean + errors.discount_margin as double) as discount_mean_high,
    cast(medians.days_median as double) as days_to_purchase_median,
    cast(median_ends.days_low as double) as days_to_purchase_low,
    cast(coalesce(median_ends.days_high, median_ends.days_longest) as double) as days_to_purchase_high,
    case when cells.conversions < 30 then 'not enough data' else 'supported' end as verdict
from cells
inner join errors
    on
        cells.window_name = errors.window_name
        and cells.model = errors.model
        and cells.channel = errors.channel
inner join medians
    on
        cells.window_name = medians.window_name
        and cells.model = medians.model
        and cells.channel = medians.channel
inner join median_ends
    on
        cells.window_name = median_ends.window_name
        and cells.model = median_ends.model
        and cells.channel = median_ends.channel
