-- One row per phase model x event name x page type seen: the phase such an event belongs to, NULL = inherits.
--
-- Function beats position: the event decides, then its page. Events listed without a phase (pings, log-ins) take the
-- phase of their page; a page that nothing names falls to the `*` row, unless it is listed as neutral.

with seen as (

    select distinct
        event_name,
        coalesce(page_type, '') as page_type
    from {{ ref('int_web__events') }}

),

models as (

    select distinct phase_model from {{ ref('cji_phases') }}

),

rules as (

    select
        phase_model,
        match_on,
        value,
        phase
    from {{ ref('cji_event_phases') }}

)

select
    models.phase_model,
    seen.event_name,
    seen.page_type,
    cast(coalesce(
        by_event.phase,
        by_page.phase,
        case
            when
                by_event.value is null
                and by_page.value is null
                and (seen.page_type <> '' or seen.event_name = 'page_view')
                then otherwise.phase
        end
    ) as bigint) as phase
from seen
cross join models
left join rules as by_event
    on
        models.phase_model = by_event.phase_model
        and by_event.match_on = 'event_name'
        and seen.event_name = by_event.value
left join rules as by_page
    on
        models.phase_model = by_page.phase_model
        and by_page.match_on = 'page_type'
        and seen.page_type = by_page.value
left join rules as otherwise
    on
        models.phase_model = otherwise.phase_model
        and otherwise.match_on = 'page_type'
        and otherwise.value = '*'
