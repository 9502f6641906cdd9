select
    phase, visits, progressed_visits, progress_share, score, score_low, score_high, is_small, benchmark_kind,
    money_at_stake_eur,
    time_index, exp(time_mean_log) as time_seconds, exp(time_benchmark) as time_benchmark_seconds,
    pageviews_index, exp(pageviews_mean_log) as pageviews, exp(pageviews_benchmark) as pageviews_benchmark,
    visits_index, 1 / (1 + exp(-visits_benchmark)) as progress_benchmark_share,
    comeback_index, comeback_share, 1 / (1 + exp(-comeback_benchmark)) as comeback_benchmark_share,
    imputed_time_share
from marts.fct_cji_phases
where phase_model = $phase_model and segment = $segment and snapshot_date = $day::date
order by phase
