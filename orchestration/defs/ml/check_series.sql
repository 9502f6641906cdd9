-- Effects that say something their data cannot.
with series as (
    select
        side,
        series,
        count(*) as days,
        min(value) as lowest,
        max(value) as highest
    from marts.fct_series_daily
    group by side, series
)

select
    effects.outcome,
    effects.variable,
    effects.threshold,
    effects.days,
    effects.verdict
from ml.series_effects as effects
left join series as external on external.side = 'external' and effects.variable = external.series
left join series as internal on internal.side = 'internal' and effects.outcome = internal.series
where
    effects.days > coalesce(external.days, 0)
    or effects.days > coalesce(internal.days, 0)
    or not coalesce(effects.threshold between external.lowest and external.highest, effects.threshold is null)
    or (effects.verdict = 'supported' and (effects.days < 90 or not coalesce(effects.q_value <= 0.05, false)))
    or effects.verdict not in ('supported', 'season only', 'too little data')

union all

-- A holiday or any other series of two values has no turn.
select
    effects.outcome,
    effects.variable,
    effects.threshold,
    effects.days,
    effects.verdict
from ml.series_effects as effects
where effects.variable = 'is_holiday' and effects.threshold is not null
