-- One row per visit x cut-off; `is_recent` marks the latest cut-off of a visit of the last days, which is scored.
select
    snapshots.* exclude (person_bucket, session_date, cut_off),
    snapshots.session_date > calendar.as_of_date - $recent_days::integer
    and row_number() over (partition by snapshots.session_id order by snapshots.cut_off_at desc, snapshots.pages desc) = 1
        as is_recent
from intermediate.int_customers__visit_snapshots as snapshots
cross join intermediate.int_calendar__as_of as calendar
where list_contains($cut_offs, snapshots.cut_off)
order by snapshots.session_id, snapshots.cut_off_at, snapshots.pages
