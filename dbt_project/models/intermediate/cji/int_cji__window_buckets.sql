-- One row per snapshot x segment x phase model x phase x person bucket: the sums of its 28 days.
--
-- Days are first summed to the weeks that end on a snapshot day or 7, 14 or 21 days before one: each week then takes
-- part in four sums, where adding up every window by itself takes 28. Weeks that end on a Sunday do not overlap and are
-- summed before segments are, since most segment kinds need no others for most days. The sums are whole numbers held as
-- doubles: exact up to 2^53, and twice as fast to add as the 128 bits a sum of bigints takes.
-- noqa: disable=LT02

{% set buckets %}
(
    {%- for bucket in range(cji_buckets()) %}
    select cast({{ bucket }} as bigint) as person_bucket{{ ' union all' if not loop.last }}
    {%- endfor %}
) as buckets
{% endset %}
{% set affected %}
select
    snapshots.segment_kind,
    snapshots.snapshot_date,
    buckets.person_bucket
from {{ changes('int_cji__snapshots') }} as snapshots
cross join {{ buckets }}
union
select
    snapshots.segment_kind,
    snapshots.snapshot_date,
    days.person_bucket
from {{ stored('int_cji__snapshots') }} as snapshots
inner join {{ changes('int_cji__daily_sums') }} as days
    on
        snapshots.snapshot_date >= days.known_on
        and snapshots.snapshot_date < {{ add_days('days.known_on', cji_window_days()) }}
{% endset %}
{% set first_day %}
select {{ add_days('min(snapshot_date)', -(cji_window_days() - 1)) }} from affected__int_cji__window_buckets
{% endset %}
{{ config(
    materialized='keyed', key=['segment_kind', 'snapshot_date', 'person_bucket'], affected=affected,
    cluster_by='snapshot_date', bounds={'first_day': first_day}
) }}

{% set sums = [
    'visits_n', 'visits_sum', 'orders_sum', 'margin_cents', 'time_n', 'time_sum', 'pageviews_n', 'pageviews_sum',
    'comeback_n', 'comeback_sum', 'breadth_n', 'breadth_sum', 'seconds_sum', 'imputed_seconds_sum', 'tab_n', 'tab_sum'
] %}

{% set days_of_weeks %}
(select {{ each_day(add_days('week_end', -6), 'week_end') }} as known_on, person_bucket from weeks)
{% endset %}

-- One person bucket of a window may differ where the others are as they were.
with snapshots as (

    select
        snapshots.*,
        buckets.person_bucket
    from {{ ref('int_cji__snapshots') }} as snapshots
    cross join {{ buckets }}
    where
        {{ affected_only(
            '(snapshots.segment_kind, snapshots.snapshot_date, buckets.person_bucket)',
            'segment_kind, snapshot_date, person_bucket'
        ) }}

),

weeks as (

    select distinct
        segment_kind,
        week_end,
        person_bucket
    from snapshots

),

week_days as (

    select
        segment_kind,
        week_end,
        person_bucket,
        {{ each_day(add_days('week_end', -6), 'week_end') }} as known_on
    from weeks
    where not ({{ is_sunday('week_end') }})

),

daily_kinds as (

    select distinct
        segment_kind,
        known_on,
        person_bucket
    from week_days

),

days as (

    select
        *,
        {{ next_sunday('known_on') }} as sunday
    from {{ ref('int_cji__daily_sums') }}
    where
        {{ not_before('known_on', 'first_day') }}
        and {{ affected_rows_of(
            ref('int_cji__daily_sums'),
            '(known_on, person_bucket) in ' ~ days_of_weeks
        ) }}

),

segments as (

    select
        kinds.segment_kind,
        case
            when not (kinds.by_device or kinds.by_channel or kinds.by_visitor) then 'all'
            else concat_ws(
                '|',
                case when kinds.by_device then concat('device=', cells.device_type) end,
                case when kinds.by_channel then concat('channel=', cells.channel) end,
                case when kinds.by_visitor then concat('visitor=', cells.visitor_type) end
            )
        end as segment,
        cells.*
    from (select distinct
        device_type,
        channel,
        visitor_type
    from days) as cells
    cross join {{ ref('cji_segment_kinds') }} as kinds

),

cell_weeks as (

    select
        sunday,
        phase_model,
        phase,
        device_type,
        channel,
        visitor_type,
        person_bucket,
        {%- for column in sums %}
        sum(cast({{ column }} as double)) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from days
    group by sunday, phase_model, phase, device_type, channel, visitor_type, person_bucket

),

segment_days as (

    select
        segments.segment_kind,
        segments.segment,
        days.known_on,
        days.phase_model,
        days.phase,
        days.person_bucket,
        {%- for column in sums %}
        sum(cast(days.{{ column }} as double)) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from days
    inner join segments
        on
            days.device_type = segments.device_type
            and days.channel = segments.channel
            and days.visitor_type = segments.visitor_type
    inner join daily_kinds
        on
            segments.segment_kind = daily_kinds.segment_kind
            and days.known_on = daily_kinds.known_on
            and days.person_bucket = daily_kinds.person_bucket
    group by
        segments.segment_kind, segments.segment, days.known_on, days.phase_model, days.phase, days.person_bucket

),

segment_weeks as (

    select
        segments.segment_kind,
        segments.segment,
        weeks.week_end,
        cells.phase_model,
        cells.phase,
        cells.person_bucket,
        {%- for column in sums %}
        sum(cells.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from cell_weeks as cells
    inner join segments
        on
            cells.device_type = segments.device_type
            and cells.channel = segments.channel
            and cells.visitor_type = segments.visitor_type
    inner join weeks
        on
            segments.segment_kind = weeks.segment_kind
            and cells.sunday = weeks.week_end
            and cells.person_bucket = weeks.person_bucket
    group by
        segments.segment_kind, segments.segment, weeks.week_end, cells.phase_model, cells.phase, cells.person_bucket

    union all

    select
        days.segment_kind,
        days.segment,
        week_days.week_end,
        days.phase_model,
        days.phase,
        days.person_bucket,
        {%- for column in sums %}
        sum(days.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from segment_days as days
    inner join week_days
        on
            days.segment_kind = week_days.segment_kind
            and days.known_on = week_days.known_on
            and days.person_bucket = week_days.person_bucket
    group by
        days.segment_kind, days.segment, week_days.week_end, days.phase_model, days.phase, days.person_bucket

)

select
    snapshots.snapshot_date,
    snapshots.is_published,
    weeks.segment_kind,
    weeks.segment,
    weeks.phase_model,
    weeks.phase,
    weeks.person_bucket,
    {%- for column in sums %}
    sum(weeks.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from segment_weeks as weeks
inner join snapshots
    on
        weeks.segment_kind = snapshots.segment_kind
        and weeks.week_end = snapshots.week_end
        and weeks.person_bucket = snapshots.person_bucket
group by
    snapshots.snapshot_date,
    snapshots.is_published,
    weeks.segment_kind,
    weeks.segment,
    weeks.phase_model,
    weeks.phase,
    weeks.person_bucket
