-- One row per distinct path and bucket of persons, of the journeys that ended in the window.
-- A step of the path is a channel or, on level campaign, a channel and its campaign.
select
    case $level
        when 'channel' then path
        else list_transform(list_zip(path, campaign_path), lambda step: step[1] || $separator || coalesce(step[2], ''))
    end as path,
    person_bucket as bucket,
    count(*) filter (where is_converted) as conversions,
    count(*) filter (where not is_converted) as nulls,
    cast(coalesce(sum(revenue_eur) filter (where is_converted), 0) as double) as value,
    cast(coalesce(sum(margin_eur) filter (where is_converted), 0) as double) as margin
from marts.fct_journeys
where end_date between $first_day and $last_day and len(path) > 0
group by all
order by all
