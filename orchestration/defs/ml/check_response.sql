-- Curves that cannot be: falling, negative, outside their interval, or a return called supported without an interval.
select
    channel,
    'curve falls or leaves its interval' as problem,
    spend_eur as value
from (
    select
        *,
        lag(response) over (partition by channel order by spend_eur) as before
    from ml.response_curves
)
where
    not coalesce(response between response_low and response_high and response_low >= 0, false)
    or response < before - 1e-6 * greatest(abs(before), 1)

union all

select
    channel,
    'supported on too little' as problem,
    roas as value
from ml.response_channels
where
    verdict not in ('supported', 'not identified', 'not enough data')
    or identified <> (verdict = 'supported')
    or (
        verdict = 'supported'
        and not coalesce(active_periods >= 20 and roas between roas_low and roas_high and roas_low > 0, false)
    )
