-- One row per page type x device: where gaps are cut (P99 of the page type) and what a last page is given (median).
--
-- A device that never showed a following event on a page type takes the median of the page type, else of all pages.

with gaps as (

    select
        page_type,
        device_type,
        gap_seconds
    from {{ ref('int_cji__event_times') }}

),

cuts as (

    select
        page_type,
        percentile_cont(0.99) within group (order by gap_seconds) as cut_seconds
    from gaps
    where gap_seconds is not null
    group by page_type

),

cut_gaps as (

    select
        gaps.page_type,
        gaps.device_type,
        least(gaps.gap_seconds, cuts.cut_seconds) as gap_seconds
    from gaps
    inner join cuts on gaps.page_type = cuts.page_type
    where gaps.gap_seconds is not null

),

by_device as (

    select
        page_type,
        device_type,
        median(gap_seconds) as median_seconds
    from cut_gaps
    group by page_type, device_type

),

by_page as (

    select
        page_type,
        median(gap_seconds) as median_seconds
    from cut_gaps
    group by page_type

),

overall as (

    select median(gap_seconds) as median_seconds from cut_gaps

),

pairs as (

    select distinct
        page_type,
        device_type
    from gaps

)

select
    pairs.page_type,
    pairs.device_type,
    cuts.cut_seconds,
    greatest(coalesce(by_device.median_seconds, by_page.median_seconds, overall.median_seconds, 1.0), 1.0)
        as median_seconds
from pairs
cross join overall
left join cuts on pairs.page_type = cuts.page_type
left join by_page on pairs.page_type = by_page.page_type
left join by_device on pairs.page_type = by_device.page_type and pairs.device_type = by_device.device_type
