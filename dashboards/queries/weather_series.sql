-- One row per external x internal series of the whole company.
select
    e.outcome,
    e.variable,
    case
        when starts_with(e.variable, 'spend_') then 'spend'
        when starts_with(e.variable, 'social_') then 'social'
        else 'given'
    end as kind,
    case when $language = 'de' then c.label_de else c.label_en end as channel_label,
    e.lag_days, e.threshold, e.threshold_low, e.threshold_high, e.slope_below, e.slope_above,
    e.correlation, e.q_value, e.days, e.verdict,
    case when $language = 'de' then e.sentence_de else e.sentence_en end as sentence
from ml.series_effects as e
left join marts.dim_channels as c on e.variable = 'spend_' || c.channel
order by
    list_position(['revenue_eur', 'orders', 'units', 'order_value_eur', 'visits', 'visit_conversion_share'], e.outcome),
    list_position(['given', 'social', 'spend'], kind),
    list_position(
        ['temperature_max_celsius', 'temperature_deviation_celsius', 'precipitation_mm', 'sunshine_minutes', 'is_holiday'],
        e.variable
    ),
    e.variable <> 'spend_all', c.sort_order, e.variable
