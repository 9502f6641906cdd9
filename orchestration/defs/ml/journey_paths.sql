-- One row per distinct path and bucket of persons, of the journeys that ended in the window.
-- A step of the path is a channel or, on level campaign, a channel and its campaign. Transforms look at channels and
-- are those of ml/paths.py; journeys that ended in an order which is not credited say nothing.
with journeys as (
    select
        journeys.path,
        journeys.campaign_path,
        journeys.person_bucket,
        journeys.is_converted,
        journeys.revenue_eur,
        journeys.margin_eur,
        settings.path_transform,
        settings.transform_channel
    from marts.fct_journeys as journeys
    cross join intermediate.int_attribution__settings as settings
    left join marts.fct_conversions as orders on journeys.conversion_id = orders.conversion_id
    where
        journeys.end_date between $first_day and $last_day
        and len(journeys.path) > 0
        and (
            settings.orders = 'any'
            or not journeys.is_converted
            or orders.is_first_order = (settings.orders = 'first')
        )
),

places as (
    select
        *,
        case path_transform
            when 'exposure' then list_filter(range(1, len(path) + 1), lambda i: i = 1 or path[i] <> path[i - 1])
            when 'first' then list_filter(range(1, len(path) + 1), lambda i: list_position(path, path[i]) = i)
            when 'remove_if_not_all' then list_filter(range(1, len(path) + 1), lambda i: path[i] <> transform_channel)
            when 'remove_if_last_and_not_all' then range(1, 1 + coalesce(
                list_max(list_filter(range(1, len(path) + 1), lambda i: path[i] <> transform_channel)), 0
            ))
        end as kept
    from journeys
),

steps as (
    select
        *,
        case
            when kept is null and $level = 'channel' then path
            else list_transform(
                case when len(kept) > 0 then kept else range(1, len(path) + 1) end,
                lambda i: path[i] || case when $level = 'channel' then '' else $separator || campaign_path[i] end
            )
        end as steps
    from places
)

select
    steps as path,
    person_bucket as bucket,
    count(*) filter (where is_converted) as conversions,
    count(*) filter (where not is_converted) as nulls,
    cast(coalesce(sum(revenue_eur) filter (where is_converted), 0) as double) as value,
    cast(coalesce(sum(margin_eur) filter (where is_converted), 0) as double) as margin
from steps
group by all
order by all
