-- One row per day x phase model of accounts x phase x device x channel x new or returning x account bucket.
--
-- What int_cji__daily_sums holds for visits, for journeys of accounts: progress counts across the persons and visits of
-- the account. A journey is judged on the day of its order, or once its silence is long enough to call it lost; whether
-- a visit is followed by another of the account, after `comeback_days`; an order, when the next one is overdue.
-- noqa: disable=LT02

{% set silence = var('account_inactivity_days', 180) %}
{% set sums = [
    'visits_n', 'visits_sum', 'orders_sum', 'margin_cents', 'time_n', 'time_sum', 'pageviews_n', 'pageviews_sum',
    'comeback_n', 'comeback_sum', 'breadth_n', 'breadth_sum', 'seconds_sum', 'imputed_seconds_sum', 'tab_n', 'tab_sum'
] %}
{{ config(materialized='keyed', key=['known_on', 'person_bucket']) }}

with phases as (

    select * from {{ ref('cji_phases') }}
    where unit = 'account'

),

steps as (

    select
        steps.account_journey_id,
        steps.account_id,
        steps.role,
        visits.*
    from {{ ref('int_journeys__account_steps') }} as steps
    inner join {{ ref('int_web__sessions') }} as visits on substr(steps.touchpoint_id, 7) = visits.session_id
    where steps.touchpoint_type = 'visit'

),

firsts as (

    select
        account_journey_id,
        min_by(coalesce(device_type, 'other'), (started_at, session_id)) as device_type,
        min_by(coalesce(channel, 'other'), (started_at, session_id)) as channel
    from steps
    group by account_journey_id

),

journeys as (

    select
        journeys.account_journey_id,
        journeys.account_bucket as person_bucket,
        firsts.device_type,
        firsts.channel,
        case
            when sum(case when journeys.is_converted then 1 else 0 end) over (
                partition by journeys.account_id order by journeys.started_at, journeys.account_journey_id
                rows between unbounded preceding and 1 preceding
            ) > 0 then 'returning'
            else 'new'
        end as visitor_type,
        journeys.is_converted,
        coalesce(journeys.margin_eur, journeys.revenue_eur * {{ var('cji_margin_share') }}) as margin_eur,
        case
            when journeys.is_converted then journeys.end_date else {{ add_days('journeys.end_date', silence) }}
        end as known_on
    from {{ ref('fct_account_journeys') }} as journeys
    inner join firsts on journeys.account_journey_id = firsts.account_journey_id

),

stages as (

    select
        steps.account_journey_id,
        steps.role,
        stages.*
    from {{ ref('int_cji__account_stages') }} as stages
    inner join steps on stages.session_id = steps.session_id

),

totals as (

    select
        phase_model,
        session_id,
        max_by(phase, last_event_number) as last_phase,
        sum(engaged_micros) > 0 as has_pings,
        sum(engaged_micros) as engaged_micros,
        sum(measured_micros) as measured_micros,
        sum(page_views) as page_views
    from stages
    group by phase_model, session_id

),

journey_totals as (

    select
        stages.phase_model,
        stages.account_journey_id,
        max(stages.phase) as furthest_phase,
        sum(case when totals.has_pings then stages.engaged_micros else stages.measured_micros end) as active_micros
    from stages
    inner join totals on stages.phase_model = totals.phase_model and stages.session_id = totals.session_id
    group by stages.phase_model, stages.account_journey_id

),

in_phase as (

    select
        phases.phase_model,
        phases.phase,
        stages.account_journey_id,
        sum(stages.page_views) as page_views,
        sum(
            case
                when totals.has_pings then stages.engaged_micros
                when totals.page_views > 1 then stages.measured_micros + stages.imputed_micros
            end
        ) as micros,
        sum(case when not totals.has_pings and totals.page_views > 1 then stages.imputed_micros else 0 end)
            as imputed_micros
    from stages
    inner join phases
        on stages.phase_model = phases.phase_model and stages.phase between phases.member_from and phases.member_to
    inner join totals on stages.phase_model = totals.phase_model and stages.session_id = totals.session_id
    group by phases.phase_model, phases.phase, stages.account_journey_id

),

-- ln K: the logarithm of the number of roles of equal weight that the visits of the phase stand for.
role_shares as (

    select
        phases.phase_model,
        phases.phase,
        stages.account_journey_id,
        stages.role,
        count(distinct stages.session_id) * 1e0 / sum(count(distinct stages.session_id)) over (
            partition by phases.phase_model, phases.phase, stages.account_journey_id
        ) as share
    from stages
    inner join phases
        on stages.phase_model = phases.phase_model and stages.phase between phases.member_from and phases.member_to
    group by phases.phase_model, phases.phase, stages.account_journey_id, stages.role

),

breadths as (

    select
        phase_model,
        phase,
        account_journey_id,
        -sum(share * ln(share)) as breadth_log
    from role_shares
    group by phase_model, phase, account_journey_id

),

judged as (

    select
        phases.phase_model,
        phases.phase,
        journeys.*,
        phases.averages_over = 'progressed' as averages_progressed_only,
        case phases.progress_rule
            when 'purchase' then journeys.is_converted
            else
                coalesce(journey_totals.furthest_phase >= phases.progress_from, false)
                or coalesce(journey_totals.active_micros >= phases.engaged_seconds * 1000000, false)
        end as is_progressed,
        nullif(in_phase.page_views, 0) as page_views,
        in_phase.micros,
        in_phase.imputed_micros,
        breadths.breadth_log
    from phases
    cross join journeys
    left join journey_totals
        on
            phases.phase_model = journey_totals.phase_model
            and journeys.account_journey_id = journey_totals.account_journey_id
    left join in_phase
        on
            phases.phase_model = in_phase.phase_model
            and phases.phase = in_phase.phase
            and journeys.account_journey_id = in_phase.account_journey_id
    left join breadths
        on
            phases.phase_model = breadths.phase_model
            and phases.phase = breadths.phase
            and journeys.account_journey_id = breadths.account_journey_id
    where
        phases.entry_rule = 'all_visits'
        or (phases.entry_rule = 'events' and in_phase.account_journey_id is not null)

),

returns as (

    select
        *,
        lead(started_at) over (partition by account_id order by started_at, session_id) as next_visit_at
    from steps

),

facts as (

    select
        known_on,
        phase_model,
        phase,
        device_type,
        channel,
        visitor_type,
        person_bucket,
        1 as visits_n,
        case when is_progressed then 1 else 0 end as visits_sum,
        case when is_converted then 1 else 0 end as orders_sum,
        case when is_converted then cast(round(margin_eur * 100) as bigint) else 0 end as margin_cents,
        case when is_averaged and micros is not null then 1 else 0 end as time_n,
        case
            when is_averaged and micros is not null
                then cast(round(ln({{ at_least('micros / 1000000.0', '1.0') }}) * 1000000) as bigint)
            else 0
        end as time_sum,
        case when is_averaged and page_views is not null then 1 else 0 end as pageviews_n,
        case when is_averaged and page_views is not null then cast(round(ln(page_views) * 1000000) as bigint) else 0 end
            as pageviews_sum,
        0 as comeback_n,
        0 as comeback_sum,
        case when is_averaged and breadth_log is not null then 1 else 0 end as breadth_n,
        case when is_averaged then coalesce(cast(round(breadth_log * 1000000) as bigint), 0) else 0 end as breadth_sum,
        case when is_averaged then coalesce(cast(round(micros / 1000000.0) as bigint), 0) else 0 end as seconds_sum,
        case when is_averaged then coalesce(cast(round(imputed_micros / 1000000.0) as bigint), 0) else 0 end
            as imputed_seconds_sum,
        0 as tab_n,
        0 as tab_sum
    from (
        select
            *,
            not averages_progressed_only or is_progressed as is_averaged
        from judged
    ) as averaged

    union all

    select
        {{ add_days(local_date('returns.ended_at'), 'phases.comeback_days') }} as known_on,
        phases.phase_model,
        phases.phase,
        journeys.device_type,
        journeys.channel,
        journeys.visitor_type,
        journeys.person_bucket,
        {%- for column in sums %}
        {%- if column == 'comeback_n' %}
        1 as comeback_n
        {%- elif column == 'comeback_sum' %}
        case
            when
                {{ epoch_micros('returns.next_visit_at') }} - {{ epoch_micros('returns.ended_at') }}
                <= phases.comeback_days * 86400000000
                then 1
            else 0
        end as comeback_sum
        {%- else %}
        0 as {{ column }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    from returns
    inner join totals on returns.session_id = totals.session_id
    inner join phases
        on
            totals.phase_model = phases.phase_model
            and totals.last_phase between phases.member_from and phases.member_to
            and phases.entry_rule <> 'account_orders'
    inner join journeys on returns.account_journey_id = journeys.account_journey_id
    where not returns.is_converted

    {%- for known_on, in_time, parts in [
        (
            add_days('orders.order_date', silence),
            "orders.next_order_date <= " ~ add_days('orders.order_date', silence),
            ['visits_n', 'visits_sum', 'orders_sum', 'margin_cents']
        ),
        ('orders.due_on', 'orders.next_order_date <= orders.due_on', ['comeback_n', 'comeback_sum'])
    ] %}

    union all

    select
        {{ known_on }} as known_on,
        phases.phase_model,
        phases.phase,
        coalesce(journeys.device_type, 'other') as device_type,
        coalesce(journeys.channel, 'other') as channel,
        case when orders.order_number = 1 then 'new' else 'returning' end as visitor_type,
        orders.account_bucket as person_bucket,
        {%- for column in sums %}
        {%- if column not in parts %}
        0 as {{ column }}
        {%- elif column.endswith('_n') %}
        1 as {{ column }}
        {%- elif column == 'margin_cents' %}
        case when {{ in_time }} then cast(round(orders.next_margin_eur * 100) as bigint) else 0 end as margin_cents
        {%- else %}
        case when {{ in_time }} then 1 else 0 end as {{ column }}
        {%- endif %}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('int_cji__account_orders') }} as orders
    inner join phases on phases.entry_rule = 'account_orders'
    left join journeys on concat('order:', orders.conversion_id) = journeys.account_journey_id
    {%- endfor %}

)

select
    known_on,
    phase_model,
    phase,
    device_type,
    channel,
    visitor_type,
    person_bucket,
    {%- for column in sums %}
    cast(sum({{ column }}) as bigint) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from facts
where known_on is not null
group by known_on, phase_model, phase, device_type, channel, visitor_type, person_bucket
