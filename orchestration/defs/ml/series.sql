-- One row per day x series of the whole company.
select
    series_date,
    side,
    series,
    value
from marts.fct_series_daily
order by side, series, series_date
