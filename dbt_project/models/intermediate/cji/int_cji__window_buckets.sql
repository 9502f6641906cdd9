-- One row per snapshot x segment x phase model x phase x person bucket: the sums of its 28 days.

{% set sums = [
    'visits_n', 'visits_sum', 'orders_sum', 'margin_cents', 'time_n', 'time_sum', 'pageviews_n', 'pageviews_sum',
    'comeback_n', 'comeback_sum', 'seconds_sum', 'imputed_seconds_sum', 'tab_n', 'tab_sum'
] %}

with labelled as (

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
        sum({{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from labelled
    group by segment_kind, segment, known_on, phase_model, phase, person_bucket

)

select
    snapshots.snapshot_date,
    snapshots.is_published,
    days.segment_kind,
    days.segment,
    days.phase_model,
    days.phase,
    days.person_bucket,
    {%- for column in sums %}
    cast(sum(days.{{ column }}) as bigint) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from segment_days as days
inner join {{ ref('int_cji__snapshots') }} as snapshots
    on days.segment_kind = snapshots.segment_kind and days.known_on = snapshots.known_on
group by
    snapshots.snapshot_date,
    snapshots.is_published,
    days.segment_kind,
    days.segment,
    days.phase_model,
    days.phase,
    days.person_bucket
