-- One row per segment kind x snapshot day x day that ends one of the four weeks of its window.
--
-- Sundays are kept for the whole history (they are what benchmarks are made of), single days only near the as-of date:
-- seed `cji_segment_kinds` says how many. No window starts before the data does.
-- noqa: disable=LT02

{{ config(materialized='keyed', key=['segment_kind', 'snapshot_date']) }}

with limits as (

    select min(known_on) as first_day, {{ as_of_date() }} as last_day from {{ ref('int_cji__daily_sums') }}

),

days as (

    select {{ each_day('first_day', 'last_day') }} as snapshot_date, first_day, last_day
    from limits

),

snapshots as (

    select
        kinds.segment_kind,
        days.snapshot_date,
        {{ days_between('days.snapshot_date', 'days.last_day') }} < kinds.published_days as is_published
    from days
    cross join {{ ref('cji_segment_kinds') }} as kinds
    where
        {{ days_between('days.first_day', 'days.snapshot_date') }} >= {{ cji_window_days() - 1 }}
        and (
            {{ days_between('days.snapshot_date', 'days.last_day') }} < kinds.daily_days
            or (
                {{ is_sunday('days.snapshot_date') }}
                and {{ days_between('days.snapshot_date', 'days.last_day') }} < kinds.weekly_days
            )
        )

)

{% for weeks in range(cji_window_days() // 7) %}
select
    segment_kind,
    snapshot_date,
    is_published,
    {{ add_days('snapshot_date', -7 * weeks) }} as week_end
from snapshots
{{ 'union all' if not loop.last }}
{% endfor %}
