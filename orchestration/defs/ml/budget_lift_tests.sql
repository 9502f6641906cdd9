-- One row per experiment on a channel.
select
    channel,
    first_date,
    last_date,
    lift_eur,
    standard_error_eur
from marts.fct_lift_tests
order by channel, test_name
