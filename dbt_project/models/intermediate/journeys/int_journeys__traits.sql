-- One row per day x product category x dimension x value x person bucket: journeys that hold it, bought or lost.
--
-- A category counts the journeys that bought something of it against those that looked at it and bought nothing at all;
-- 'all' counts every journey. Content is what pages were seen; a page seen in the visit of the order counts.

{% set affected %}
with ids as (
    select journey_id from {{ changes('int_journeys__steps') }}
    union
    select steps.journey_id
    from {{ stored('int_journeys__steps') }} as steps
    inner join {{ changes('int_web__visit_contents') }} as contents on steps.session_id = contents.session_id
    union
    select concat('order:', order_id) from {{ changes('int_sales__lines_netted') }}
)
select end_date, person_bucket from {{ changes('int_journeys__journeys') }}
union all
select journeys.end_date, journeys.person_bucket
from {{ stored('int_journeys__journeys') }} as journeys
inner join ids on journeys.journey_id = ids.journey_id
{% endset %}
{{ config(materialized='keyed', key=['end_date', 'person_bucket'], affected=affected, cluster_by='end_date') }}

with journeys as (

    select *
    from {{ ref('int_journeys__journeys') }}
    where {{ affected_only('(end_date, person_bucket)', 'end_date, person_bucket') }}

),

steps as (

    select
        steps.journey_id,
        steps.channel,
        steps.touchpoint_type,
        steps.device_type,
        steps.session_id
    from {{ ref('int_journeys__steps') }} as steps
    inner join journeys on steps.journey_id = journeys.journey_id

),

contents as (

    select distinct
        steps.journey_id,
        contents.page_type,
        contents.category
    from steps
    inner join {{ ref('int_web__visit_contents') }} as contents on steps.session_id = contents.session_id

),

categories as (

    select
        journey_id,
        'all' as category
    from journeys

    union all

    select distinct
        journeys.journey_id,
        lines.category
    from journeys
    inner join {{ ref('int_sales__order_lines') }} as lines on journeys.conversion_id = lines.order_id
    where lines.category is not null

    union all

    select distinct
        journeys.journey_id,
        contents.category
    from journeys
    inner join contents on journeys.journey_id = contents.journey_id
    where not journeys.is_converted and contents.category <> ''

),

traits as (

    select distinct
        journey_id,
        'channel' as dimension,
        channel as dimension_value
    from steps
    union all
    select distinct
        journey_id,
        'touchpoint_type' as dimension,
        touchpoint_type as dimension_value
    from steps
    where touchpoint_type is not null
    union all
    select distinct
        journey_id,
        'device' as dimension,
        device_type as dimension_value
    from steps
    where device_type is not null
    union all
    select distinct
        journey_id,
        'page_type' as dimension,
        page_type as dimension_value
    from contents
    -- Whoever orders online passes these: they tell the order, not the way to it.
    where page_type not in ('checkout', 'confirmation')
    union all
    -- Every journey once: the totals shares are taken of.
    select
        journey_id,
        'all' as dimension,
        'all' as dimension_value
    from journeys

)

select
    journeys.end_date,
    categories.category,
    traits.dimension,
    traits.dimension_value,
    journeys.person_bucket,
    journeys.is_converted,
    cast(round(journeys.duration_seconds / 86400, 1) as double) as days,
    count(*) as journeys,
    sum(journeys.visit_count) as visits,
    sum(journeys.touchpoint_count) as contacts
from journeys
inner join categories on journeys.journey_id = categories.journey_id
inner join traits on journeys.journey_id = traits.journey_id
group by
    journeys.end_date,
    categories.category,
    traits.dimension,
    traits.dimension_value,
    journeys.person_bucket,
    journeys.is_converted,
    cast(round(journeys.duration_seconds / 86400, 1) as double)
