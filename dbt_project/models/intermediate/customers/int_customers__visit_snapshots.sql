-- One row per visit x cut-off: what its events had said up to then, and whether the order came after.
--
-- Cut-offs are page views (page 1, 3, 6, 10) and the first basket. Of what comes after only the answer is looked at.
-- A visit is over as a prospect with the thank-you page, whose view comes before the purchase event.

{% set counted = [
    'view_item_list', 'search', 'filter', 'view_item', 'view_review', 'compare', 'add_to_wishlist',
    'add_to_cart', 'view_cart', 'apply_coupon', 'begin_checkout', 'add_shipping_info', 'add_payment_info',
    'payment_error', 'login', 'scroll', 'exit_intent', 'tab_hidden', 'select_promotion'
] %}

with visits as (

    select *
    from {{ ref('int_customers__visits') }}
    where session_date > {{ add_days(as_of_date(), '-' ~ var('customer_history_days')) }}

),

events as (

    select
        events.session_id,
        events.event_number,
        events.occurred_at,
        events.event_name,
        events.page_type,
        events.is_pageview,
        events.product_id,
        events.category,
        phases.phase,
        coalesce(events.engaged_seconds, 0) as engaged_seconds,
        events.event_name = 'purchase' or coalesce(events.page_type = 'confirmation', false) as is_order
    from {{ ref('int_web__events') }} as events
    inner join visits on events.session_id = visits.session_id
    left join {{ ref('int_cji__event_phases') }} as phases
        on
            phases.phase_model = 'journey6'
            and events.event_name = phases.event_name
            and coalesce(events.page_type, '') = phases.page_type

),

running as (

    select
        session_id,
        event_number,
        occurred_at,
        event_name,
        is_pageview,
        is_order,
        min(occurred_at) over so_far as began_at,
        max(case when is_order then 1 else 0 end) over so_far as has_order,
        sum(case when is_pageview then 1 else 0 end) over so_far as pages,
        sum(engaged_seconds) over so_far as engaged_seconds,
        coalesce(max(phase) over so_far, 1) as deepest_phase,
        coalesce(max(event_number * 100 + phase) over so_far % 100, 1) as phase,
        {% for name in counted %}
            sum(case when event_name = '{{ name }}' then 1 else 0 end) over so_far as n_{{ name }},
        {% endfor %}
        sum(case when event_name in ('order_status', 'return_request') then 1 else 0 end) over so_far as n_service,
        lag(occurred_at) over (partition by session_id order by event_number) as previous_at
    from events
    window so_far as (
        partition by session_id order by event_number rows between unbounded preceding and current row
    )

),

cut_offs as (

    select
        *,
        {% for pages in [1, 3, 6, 10] %}
            is_pageview and pages = {{ pages }} as is_page_{{ pages }},
        {% endfor %}
        event_name = 'add_to_cart' and n_add_to_cart = 1 as is_basket
    from running
    where has_order = 0

),

snapshots as (

    {% for name, condition in [
        ('page 1', 'is_page_1'), ('page 3', 'is_page_3'), ('page 6', 'is_page_6'), ('page 10', 'is_page_10'),
        ('basket', 'is_basket')
    ] %}
        select
            '{{ name }}' as cut_off,
            *
        from cut_offs
        where {{ condition }}
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    snapshots.session_id,
    snapshots.cut_off,
    visits.person_id,
    visits.person_bucket,
    visits.session_date,
    -- Without zone, as the instants it is compared with.
    make_timestamp({{ epoch_micros('snapshots.occurred_at') }}) as cut_off_at,
    make_timestamp({{ epoch_micros('greatest(snapshots.began_at, snapshots.previous_at)') }}) as events_known_at,
    visits.history_known_at,
    visits.is_converted,
    cast(snapshots.phase as bigint) as phase,
    cast(snapshots.deepest_phase as bigint) as deepest_phase,
    visits.device_type,
    visits.channel,
    {{ epoch_seconds('snapshots.occurred_at') }} - {{ epoch_seconds('snapshots.began_at') }} as seconds,
    snapshots.engaged_seconds,
    cast(snapshots.pages as bigint) as pages,
    {% for name in counted + ['service'] %}
        cast(snapshots.n_{{ name }} as bigint) as n_{{ name }},
    {% endfor %}
    visits.earlier_visits,
    visits.earlier_orders,
    visits.days_since_visit,
    visits.days_since_order
from snapshots
inner join visits on snapshots.session_id = visits.session_id
