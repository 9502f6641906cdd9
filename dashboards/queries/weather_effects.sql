-- One row per category x region x variable: where several lags were tried, the one that holds best.
select
    category, region, variable, lag_days,
    threshold, threshold_low, threshold_high,
    slope_below, slope_below_low, slope_below_high,
    slope_above, slope_above_low, slope_above_high,
    correlation, p_value, q_value, days, days_beyond, out_of_time_gain, verdict,
    case when $language = 'de' then sentence_de else sentence_en end as sentence
from ml.weather_effects
qualify row_number() over (
    partition by category, region, variable
    order by verdict <> 'supported', q_value, p_value, lag_days
) = 1
order by category <> 'all', category, region <> 'all', region, variable
