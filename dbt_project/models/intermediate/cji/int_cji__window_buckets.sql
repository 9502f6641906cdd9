-- One row per snapshot x segment x phase model x phase x person bucket: the sums of its 28 days.
--
-- Days are first summed to the weeks that end on a snapshot day or 7, 14 or 21 days before one: each day then takes
-- part in seven sums and each week in four, where adding up every window by itself takes 28. The sums are whole
-- numbers held as doubles: exact up to 2^53, and twice as fast to add as the 128 bits a sum of bigints takes.
-- noqa: disable=LT02

{% set affected %}
select segment_kind, snapshot_date from {{ changes('int_cji__snapshots') }}
union
select snapshots.segment_kind, snapshots.snapshot_date
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
    materialized='keyed', key=['segment_kind', 'snapshot_date'], affected=affected, bounds={'first_day': first_day}
) }}

{% set sums = [
    'visits_n', 'visits_sum', 'orders_sum', 'margin_cents', 'time_n', 'time_sum', 'pageviews_n', 'pageviews_sum',
    'comeback_n', 'comeback_sum', 'breadth_n', 'breadth_sum', 'seconds_sum', 'imputed_seconds_sum', 'tab_n', 'tab_sum'
] %}

with snapshots as (

    select * from {{ ref('int_cji__snapshots') }}
    where {{ affected_rows('int_cji__snapshots', ['segment_kind', 'snapshot_date']) }}

),

labelled as (

    select
        kinds.segment_kind,
        case
            when not (kinds.by_device or kinds.by_channel or kinds.by_visitor) then 'all'
            else concat_ws(
                '|',
                case when kinds.by_device then concat('device=', days.device_type) end,
                case when kinds.by_channel then concat('channel=', days.channel) end,
                case when kinds.by_visitor then concat('visitor=', days.visitor_type) end
            )
        end as segment,
        days.*
    from {{ ref('int_cji__daily_sums') }} as days
    cross join {{ ref('cji_segment_kinds') }} as kinds
    where {{ not_before('days.known_on', 'first_day') }}

),

segment_days as (

    select
        segment_kind,
        segment,
        known_on,
        phase_model,
        phase,
        person_bucket,
        {%- for column in sums %}
        sum(cast({{ column }} as double)) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from labelled
    group by segment_kind, segment, known_on, phase_model, phase, person_bucket

),

week_days as (

    select
        segment_kind,
        week_end,
        {{ each_day(add_days('week_end', -6), 'week_end') }} as known_on
    from (select distinct
        segment_kind,
        week_end
    from snapshots) as weeks

),

segment_weeks as (

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
    inner join week_days on days.segment_kind = week_days.segment_kind and days.known_on = week_days.known_on
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
    on weeks.segment_kind = snapshots.segment_kind and weeks.week_end = snapshots.week_end
group by
    snapshots.snapshot_date,
    snapshots.is_published,
    weeks.segment_kind,
    weeks.segment,
    weeks.phase_model,
    weeks.phase,
    weeks.person_bucket
