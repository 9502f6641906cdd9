-- One row per day x phase model x phase x device x channel x visitor type x person bucket: all sums the index needs.
--
-- The day is the one on which a fact can be judged: a visit on its own day, a comeback once its waiting time is over,
-- a second order once 90 days have passed; days to come hold what is not known yet. Logs are kept in millionths and
-- money in cents, because sums of integers come out the same in any order of the rows; they are added up as doubles,
-- exact up to 2^53, because the 128 bits a sum of bigints takes cost twice as much.
-- noqa: disable=LT02

{% set margin_share = var('cji_margin_share') %}
{% set affected %}
select session_date as known_on, person_bucket from {{ changes('int_cji__visit_phases') }}
union
select comeback_known_on as known_on, person_bucket from {{ changes('int_cji__visit_phases') }}
union
select known_on, person_bucket from {{ changes('int_cji__buyers') }}
union
select known_on, person_bucket from {{ changes('int_cji__account_sums') }}
union
select session_date as known_on, person_bucket from {{ changes('int_web__sessions') }}
union
select visits.session_date as known_on, visits.person_bucket
from {{ stored('int_web__sessions') }} as visits
where
    visits.session_id in (
        select session_id from {{ changes('int_web__session_orders') }}
        union all
        select placed.session_id
        from {{ stored('int_web__session_orders') }} as placed
        inner join {{ changes('int_sales__conversions') }} as orders on placed.order_id = orders.conversion_id
    )
{% endset %}
{{ config(
    materialized='keyed', key=['known_on', 'person_bucket'], affected=affected, cluster_by='known_on'
) }}

with visits as (

    select
        *,
        cast(round(ln({{ at_least('phase_seconds', '1.0') }}) * 1000000) as bigint) as time_log,
        cast(round(ln(page_views) * 1000000) as bigint) as page_views_log,
        not averages_progressed_only or is_progressed as is_averaged
    from {{ ref('int_cji__visit_phases') }}
    where
        {{ affected_rows_of(
            ref('int_cji__visit_phases'),
            affected_only('(session_date, person_bucket)', 'known_on, person_bucket') ~ ' or '
            ~ affected_only('(comeback_known_on, person_bucket)', 'known_on, person_bucket')
        ) }}

),

orders as (

    select
        placed.session_id,
        sum(coalesce(orders.margin_eur, orders.revenue_eur * {{ margin_share }})) as margin_eur
    from {{ ref('int_web__session_orders') }} as placed
    inner join {{ ref('int_sales__conversions') }} as orders on placed.order_id = orders.order_id
    group by placed.session_id

),

-- A source without costs, or without orders beside its purchase events, gets the margin share of the variable.
margins as (

    select
        visits.session_id,
        cast(round(coalesce(orders.margin_eur, visits.revenue_eur * {{ margin_share }}) * 100) as bigint)
            as margin_cents
    from {{ ref('int_web__sessions') }} as visits
    left join orders on visits.session_id = orders.session_id
    where
        visits.is_converted
        and {{ affected_only('(visits.session_date, visits.person_bucket)', 'known_on, person_bucket') }}

),

facts as (

    select
        visits.session_date as known_on,
        visits.phase_model,
        visits.phase,
        visits.device_type,
        visits.channel,
        visits.visitor_type,
        visits.person_bucket,
        case when visits.is_entered then 1 else 0 end as visits_n,
        case when visits.is_entered and visits.is_progressed then 1 else 0 end as visits_sum,
        case when visits.is_entered and visits.is_converted then 1 else 0 end as orders_sum,
        case when visits.is_entered then coalesce(margins.margin_cents, 0) else 0 end as margin_cents,
        case when visits.is_averaged and visits.time_log is not null then 1 else 0 end as time_n,
        case when visits.is_averaged then coalesce(visits.time_log, 0) else 0 end as time_sum,
        case when visits.is_averaged and visits.page_views_log is not null then 1 else 0 end as pageviews_n,
        case when visits.is_averaged then coalesce(visits.page_views_log, 0) else 0 end as pageviews_sum,
        0 as comeback_n,
        0 as comeback_sum,
        0 as breadth_n,
        0 as breadth_sum,
        case when visits.is_averaged then cast(coalesce(round(visits.phase_seconds), 0) as bigint) else 0 end
            as seconds_sum,
        case when visits.is_averaged then cast(coalesce(round(visits.imputed_seconds), 0) as bigint) else 0 end
            as imputed_seconds_sum,
        case when visits.is_tab_comeback is not null then 1 else 0 end as tab_n,
        case when visits.is_tab_comeback then 1 else 0 end as tab_sum
    from visits
    left join margins on visits.session_id = margins.session_id

    union all

    select
        comeback_known_on as known_on,
        phase_model,
        phase,
        device_type,
        channel,
        visitor_type,
        person_bucket,
        0 as visits_n,
        0 as visits_sum,
        0 as orders_sum,
        0 as margin_cents,
        0 as time_n,
        0 as time_sum,
        0 as pageviews_n,
        0 as pageviews_sum,
        1 as comeback_n,
        case when is_comeback then 1 else 0 end as comeback_sum,
        0 as breadth_n,
        0 as breadth_sum,
        0 as seconds_sum,
        0 as imputed_seconds_sum,
        0 as tab_n,
        0 as tab_sum
    from visits
    where is_comeback_candidate

    union all

    select
        buyers.known_on,
        phases.phase_model,
        phases.phase,
        buyers.device_type,
        buyers.channel,
        buyers.visitor_type,
        buyers.person_bucket,
        1 as visits_n,
        case when buyers.is_repeated then 1 else 0 end as visits_sum,
        case when buyers.is_repeated then 1 else 0 end as orders_sum,
        cast(round(buyers.repeat_margin_eur * 100) as bigint) as margin_cents,
        0 as time_n,
        0 as time_sum,
        0 as pageviews_n,
        0 as pageviews_sum,
        0 as comeback_n,
        0 as comeback_sum,
        0 as breadth_n,
        0 as breadth_sum,
        0 as seconds_sum,
        0 as imputed_seconds_sum,
        0 as tab_n,
        0 as tab_sum
    from {{ ref('int_cji__buyers') }} as buyers
    inner join {{ ref('cji_phases') }} as phases on phases.entry_rule = 'mature_buyers'

    union all

    select
        known_on,
        phase_model,
        phase,
        device_type,
        channel,
        visitor_type,
        person_bucket,
        visits_n,
        visits_sum,
        orders_sum,
        margin_cents,
        time_n,
        time_sum,
        pageviews_n,
        pageviews_sum,
        comeback_n,
        comeback_sum,
        breadth_n,
        breadth_sum,
        seconds_sum,
        imputed_seconds_sum,
        tab_n,
        tab_sum
    from {{ ref('int_cji__account_sums') }}

)

select
    known_on,
    phase_model,
    phase,
    device_type,
    channel,
    visitor_type,
    person_bucket,
    {%- for column in [
        'visits_n', 'visits_sum', 'orders_sum', 'margin_cents', 'time_n', 'time_sum', 'pageviews_n', 'pageviews_sum',
        'comeback_n', 'comeback_sum', 'breadth_n', 'breadth_sum', 'seconds_sum', 'imputed_seconds_sum', 'tab_n',
        'tab_sum'
    ] %}
    cast(sum(cast({{ column }} as double)) as bigint) as {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
from facts
where {{ affected_only('(known_on, person_bucket)', 'known_on, person_bucket') }}
group by known_on, phase_model, phase, device_type, channel, visitor_type, person_bucket
