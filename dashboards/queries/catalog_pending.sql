-- Mailings whose demand window is not over.
select
    mailing_id,
    coalesce(max(wave), mailing_id) as wave,
    max(dropped_date) + cast(max(window_days) as integer) as last_day
from marts.fct_catalog_recipients
group by mailing_id
having not bool_and(is_complete)
order by last_day
