-- Plausible content with planted findings: checkout is the weak phase, worst on mobile; first contact favours display
-- and last contact favours direct; drinks turn at 40 degrees; one feed is late and one check failed.
-- Variables: last_day (date), factor (of revenue).
create temp macro noise(a, b) as (hash(a, b) % 20001) / 10000.0 - 1;
create temp table days as
select
    cast(last_day - back as date) as day,
    759 - back as n,
    (1 + 0.25 * sin((759 - back) / 58)) * (1 + (759 - back) / 2500) * if(isodow(last_day - back) >= 6, 1.25, 1)
    * (1 + 0.08 * noise(back, 'level')) as level
from (select cast(getvariable('last_day') as date) as last_day), (select cast(b as int) as back from range(760) as r (b));

create temp table channels as
select * from (values
    ('direct', 'Direkt', 'Direct', 0.17, 0.0, 1), ('organic_search', 'Organische Suche', 'Organic search', 0.23, 0.0, 2),
    ('paid_search', 'Bezahlte Suche', 'Paid search', 0.21, 126.0, 3), ('paid_social', 'Bezahltes Social', 'Paid social', 0.09, 81.0, 4),
    ('email', 'Newsletter', 'Newsletter', 0.12, 11.0, 5), ('catalog', 'Katalog', 'Catalog', 0.10, 99.0, 6),
    ('display', 'Display', 'Display', 0.05, 63.0, 7), ('affiliate', 'Affiliate', 'Affiliate', 0.03, 0.0, 8)
) as v (channel, label_de, label_en, share, price, sort_order);

insert into marts.dim_channels by name
select channel, label_de, label_en, price > 0 as is_paid, channel <> 'catalog' as is_online, sort_order from channels;

-- Names a spreadsheet or Markdown would act on.
insert into marts.dim_campaigns by name
select channel || '-1' as campaign_id, '=HYPERLINK("http://x") ' || channel as campaign_name, channel from channels where price > 0
union all
select channel || '-2', '**Herbst** [' || channel || '](http://x)', channel from channels where price > 0;

insert into marts.rpt_kpis_daily by name
select
    day as kpi_date,
    cast(1400 * level as bigint) as sessions,
    cast(1100 * level as bigint) as visitors,
    cast(42 * level * (1 + 0.1 * noise(n, 'orders')) as bigint) as orders,
    cast(orders * 0.85 as bigint) as web_conversions,
    round(orders * 68 * getvariable('factor'), 2) as revenue_eur,
    round(revenue_eur * 0.41, 2) as margin_eur,
    round(revenue_eur * 0.08, 2) as returned_eur,
    orders // 3 as new_customers,
    (select sum(price) from channels) * level as cost_eur,
    50 as cji
from days;

create temp table weights as
select
    model,
    channel,
    share * case when (model, channel) = ('first', 'display') then 3 when (model, channel) = ('first', 'direct') then 0.5
        when (model, channel) = ('last', 'direct') then 2.2 when (model, channel) = ('last', 'display') then 0.3 else 1 end as weight,
    weight / sum(weight) over (partition by model) as part,
    price
from channels, unnest(['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay', 'markov']) as m (model);

create temp table periods as
select name as window_name, cast(getvariable('last_day') - length + 1 as date) as window_start, cast(getvariable('last_day') as date) as window_end
from (values ('last_28_days', 28), ('last_90_days', 90), ('last_365_days', 365), ('all', 760)) as v (name, length)
union all
select 'day:' || day, day, day from days where n >= 640;

insert into marts.fct_channel_credits by name
with totals as (
    select p.*, sum(k.orders) as orders, sum(k.revenue_eur)::double as revenue, sum(d.level) as level
    from periods as p
    inner join marts.rpt_kpis_daily as k on k.kpi_date between p.window_start and p.window_end
    inner join days as d on d.day = k.kpi_date
    group by all
),
levels as (
    select 'channel' as level, '' as suffix, 1.0 as piece union all
    select 'campaign', '-1', 0.7 union all select 'campaign', '-2', 0.3
)
select * exclude (low) from (select
    t.window_name, t.window_start, t.window_end, w.model, l.level, w.channel,
    if(l.level = 'channel', '', w.channel || l.suffix) as campaign_id,
    t.orders * w.part * l.piece as conversions,
    t.revenue * w.part * l.piece as revenue_eur,
    revenue_eur * 0.41 as margin_eur,
    w.part * l.piece as share,
    if(w.price = 0, null, w.price * t.level * l.piece) as cost_eur,
    revenue_eur / cost_eur as roas,
    cost_eur / conversions as cost_per_conversion_eur,
    case when w.model = 'markov' and l.level = 'channel' then 0.88 end as low,
    conversions * low as conversions_low, conversions * (2 - low) as conversions_high,
    revenue_eur * low as revenue_low, revenue_eur * (2 - low) as revenue_high,
    share * low as share_low, share * (2 - low) as share_high,
    roas * low as roas_low, roas * (2 - low) as roas_high
from totals as t, weights as w, levels as l
where (w.price > 0 or l.level = 'channel') and (w.model <> 'markov' or t.window_name not like 'day:%'));

insert into marts.fct_channel_increments by name
select
    p.window_name, p.window_start, p.window_end, m.*,
    m.conversions * 60 as revenue_eur, m.conversions_low * 60 as revenue_low, m.conversions_high * 60 as revenue_high
from periods as p
cross join (
    values
    ('channel', 'email', '', 2, 2, 4200, 61.0, 20.0, 102.0, 'supported'),
    ('channel', 'display', '', 1, 0, null, null, null, null, 'not enough data')
) as m (
    level, channel, campaign_id, experiments, measured_experiments, treated_units,
    conversions, conversions_low, conversions_high, verdict
)
where p.window_name not like 'day:%';

insert into marts.rpt_channel_order_terms by name
select
    p.window_name, p.window_start, p.window_end, 'linear' as model, m.*,
    1.2 as discount_mean_eur, 0.8 as discount_mean_low, 1.6 as discount_mean_high,
    3.5 as days_to_purchase_median, 2.9 as days_to_purchase_low, 4.4 as days_to_purchase_high
from periods as p
cross join (
    values
    ('email', 320.5, 0.31, 0.27, 0.35, 'supported'),
    ('display', 12.0, 0.5, 0.2, 0.8, 'not enough data')
) as m (channel, conversions, coupon_share, coupon_share_low, coupon_share_high, verdict)
where p.window_name not like 'day:%';

insert into marts.fct_cji_phases by name
select
    d.day as snapshot_date, m.phase_model, s.segment, s.kind as segment_kind, s.device_type, s.channel, s.visitor_type, p.phase,
    cast(s.size * pow(0.62, p.phase - 1) as bigint) as visits,
    cast(visits * 0.6 as bigint) as progressed_visits, 0.6 as progress_share,
    3.4 as time_mean_log, 3.5 as time_benchmark, if(p.phase < 6, 0.9, null) as pageviews_mean_log,
    if(p.phase < 6, 0.8, null) as pageviews_benchmark, 0.4 as visits_logit, 0.5 as visits_benchmark, 40 as comeback_visits,
    0.21 as comeback_share, -1.2 as comeback_benchmark, visits < 30 as is_small, 'own_history' as benchmark_kind,
    case p.phase when 4 then 9200.0 when 5 then 31400.0 else 1500.0 end * s.size / 42000 as money_at_stake_eur,
    if(is_small, null, p.base + noise(d.n, p.phase) - if(p.phase = 5 and s.device_type = 'mobile', 9, 0)) as score,
    score - 400 / sqrt(s.size) - 1.2 as score_low, score + 400 / sqrt(s.size) + 1.2 as score_high,
    if(p.phase < 6, score + 6, null) as time_index, if(p.phase < 6, score - 4, null) as pageviews_index,
    score - 2 as visits_index, score + 3 as comeback_index
from days as d
cross join (values ('journey6'), ('akanoo2018')) as m (phase_model)
cross join (values (1, 54), (2, 51), (3, 57), (4, 48), (5, 37), (6, 61)) as p (phase, base)
cross join (values
    ('all', 'all', null, null, null, 42000), ('device=mobile', 'device', 'mobile', null, null, 19000),
    ('device=desktop', 'device', 'desktop', null, null, 18000), ('device=tablet', 'device', 'tablet', null, null, 5000),
    ('channel=email', 'channel', null, 'email', null, 6000), ('channel=paid_search', 'channel', null, 'paid_search', null, 9000),
    ('visitor=new', 'visitor', null, null, 'new', 22000), ('visitor=returning', 'visitor', null, null, 'returning', 20000),
    ('device=mobile|channel=email|visitor=new', 'cross', 'mobile', 'email', 'new', 90)
) as s (segment, kind, device_type, channel, visitor_type, size)
where d.n >= 394 and ((759 - d.n) % 7 = 0 or s.segment = 'all');

insert into marts.fct_cji by name
select
    snapshot_date, phase_model, segment, segment_kind, device_type, channel, visitor_type, max(visits) as visits,
    count(score) as phases_scored, if(phases_scored >= 4, exp(avg(ln(score))), null) as cji,
    cji - 200 / sqrt(max(visits)) - 0.6 as cji_low, cji + 200 / sqrt(max(visits)) + 0.6 as cji_high,
    5 as weakest_phase, 0.026 as macro_conversion_share, 0.04 as bot_share
from marts.fct_cji_phases
group by all;

insert into marts.rpt_cji_recommendations by name
select
    snapshot_date, phase_model, segment, if(cji is null, null, 5) as phase, 31400.0 * visits / 42000 as money_at_stake_eur,
    if(cji is null, null, 4) as second_phase, 9200.0 * visits / 42000 as second_money_at_stake_eur,
    'Chat an der Kasse' as campaign_de, 'Chat at checkout' as campaign_en,
    if(segment = 'visitor=new', 0.41, 0.93) as confidence,
    case when cji is null then 'not enough data' when segment = 'visitor=new' then 'no clear bottleneck' else 'act' end as verdict
from marts.fct_cji;

insert into marts.fct_sales_weather_daily by name
select * exclude (season) from (select
    d.day as sale_date, r.region, c.category, 60 as orders,
    sin((dayofyear(d.day) - 110) / 365 * 2 * pi()) as season,
    27 + 14 * season + 7 * noise(d.n, 'hot') as temperature_max_celsius,
    120 + 20 * noise(d.n, c.category) + case c.category
        when 'Getränke' then 4 * (least(temperature_max_celsius, 40) - 20) - 10 * greatest(temperature_max_celsius - 40, 0)
        when 'Garten' then 60 * season else 0 end as units,
    units * 8 as revenue_eur, temperature_max_celsius - 27 - 14 * season as temperature_deviation_celsius,
    greatest(0, 4 * noise(d.n, 'rain')) as precipitation_mm, 400 + 200 * season + 90 * noise(d.n, 'sun') as sunshine_minutes,
    1.0 as weather_coverage_share, (month(d.day), day(d.day)) in ((1, 1), (10, 3), (12, 25)) as is_holiday,
    isodow(d.day) >= 6 as is_weekend
from days as d
cross join (values ('all'), ('Garten'), ('Getränke'), ('Mode'), ('Spielwaren')) as c (category)
cross join (values ('all'), ('BY')) as r (region)
where d.n >= 360);

insert into ml.weather_effects by name
select * exclude (bends) from (select
    c.category, r.region, v.variable, 0 as lag_days, c.category = 'Getränke' and v.variable = 'temperature_max_celsius' as bends,
    if(bends, 40.0, null) as threshold, threshold - 1.1 as threshold_low, threshold + 1.2 as threshold_high,
    4.0 as slope_below, 3.7 as slope_below_low, 4.4 as slope_below_high,
    -10.1 as slope_above, -13.0 as slope_above_low, -7.5 as slope_above_high,
    if(bends, 0.71, round(0.5 * noise(c.category, v.variable), 2)) as correlation, if(bends, 0.001, 0.4) as p_value,
    if(bends, 0.008, 0.6) as q_value, 400 as days, if(bends, 46, 0) as days_beyond, 0.12 as out_of_time_gain,
    case when bends then 'supported' when r.region = 'BY' then 'too little data' else 'season only' end as verdict,
    if(bends, 'Getränke: bis 40 Grad je Grad 4 Stück mehr, darüber 10 weniger.', 'Beide folgen der Jahreszeit.') as sentence_de,
    if(bends, 'Drinks: 4 units more per degree up to 40 degrees, 10 fewer beyond.', 'Both follow the season.') as sentence_en
from (values ('all'), ('Garten'), ('Getränke'), ('Mode'), ('Spielwaren')) as c (category)
cross join (values ('all'), ('BY')) as r (region)
cross join (values ('temperature_max_celsius'), ('temperature_deviation_celsius'), ('precipitation_mm'), ('sunshine_minutes')) as v (variable));

-- Heat sells, spend moves along with it, posts do not, the catalog was sent too rarely.
insert into ml.series_effects by name
select * exclude (holds) from (select
    o.outcome, v.variable, v.verdict = 'supported' and o.outcome in ('revenue_eur', 'orders') as holds, if(holds, v.lag, 0) as lag_days,
    if(holds and v.variable like 'temperature%', 31.5, null) as threshold, threshold - 2 as threshold_low, threshold + 2 as threshold_high,
    case when v.verdict = 'too little data' then null when v.variable = 'is_holiday' then -3.1 else 3.1 end as slope_below, slope_below - 1 as slope_below_low, slope_below + 1 as slope_below_high,
    if(threshold is null, slope_below, -2.0) as slope_above, slope_above - 1 as slope_above_low, slope_above + 1 as slope_above_high,
    round(0.6 * noise(o.outcome, v.variable), 2) as correlation, if(holds, 0.001, 0.4) as p_value, if(holds, 0.01, 0.5) as q_value,
    400 as days, if(threshold is null, 0, 60) as days_beyond, 0.1 as out_of_time_gain,
    if(v.verdict = 'supported' and not holds, 'season only', v.verdict) as verdict,
    if(holds, v.german, 'Nichts bleibt nach der Jahreszeit.') as sentence_de,
    if(holds, v.english, 'Nothing is left after the season.') as sentence_en
from (values ('revenue_eur'), ('orders'), ('units'), ('order_value_eur'), ('visits'), ('visit_conversion_share')) as o (outcome)
cross join (values
    ('temperature_max_celsius', 'supported', 0, 'Umsatz steigt bis 31,5 Grad.', 'Revenue rises up to 31.5 degrees.'),
    ('is_holiday', 'supported', 0, 'Umsatz fällt an einem Feiertag.', 'Revenue falls on a public holiday.'),
    ('precipitation_mm', 'season only', 0, '', ''),
    ('social_posts', 'season only', 0, '', ''),
    ('social_sentiment', 'too little data', 0, '', ''),
    ('spend_all', 'supported', 1, '**Werbung** läuft gleich.', '**Advertising** moves along.'),
    ('spend_paid_search', 'supported', 0, 'Bezahlte Suche läuft gleich.', 'Paid search moves along.'),
    ('spend_catalog', 'too little data', 0, '', ''),
    ('spend_unknown', 'season only', 0, '', '')
) as v (variable, verdict, lag, german, english));

insert into ml.weather_curves by name
select 'Getränke' as category, region, 'temperature_max_celsius' as variable, 0 as lag_days, x,
    120 + 4 * (least(x, 40) - 20) - 10 * greatest(x - 40, 0) as y_fitted, y_fitted - 6 as y_low, y_fitted + 6 as y_high
from (select 6 + i as x from range(43) as r (i)), (values ('all'), ('BY')) as v (region);

insert into marts.rpt_data_freshness by name
select
    source, entity, missing as days_missing, if(missing = 0, 'ok', 'late') as status, 'loaded' as last_state,
    getvariable('last_day') + interval 28 hours as last_loaded_at, last_loaded_at - interval 6 hours as last_event_at,
    cast(getvariable('last_day') as date) as last_delivery_date, size + 25 as rows_in, size as rows_loaded,
    5 as rows_quarantined, 20 as rows_duplicate, 5 as rows_waiting, 2 as rows_too_late, 1 as rows_ambiguous,
    if(missing = 0, null, 'spend_20261030.csv does not exist; deliver it and run the day again') as problem
from (values ('shop_web', 'web_events', 512344, 0), ('erp', 'orders', 28410, 0), ('erp', 'order_lines', 71020, 0),
    ('bright_sky', 'weather_observations', 9600, 0), ('spend', 'campaign_spend', 6080, 2)) as v (source, entity, size, missing);

insert into meta.check_results by name
select 'fct_sessions_grain_' || n as check_name, 'marts/fct_sessions' as asset, 'passed' as status, 'error' as severity,
    'One row per human visit.' as description from range(23) as r (n)
union all
select 'social_volume', 'marts/fct_social_daily', 'failed', 'warn', 'Fewer posts than usual.';

insert into marts.rpt_delivery_states by name
select 'spend' as source, 'campaign_spend' as entity, '2026-10-3' || n as load_window,
    cast(load_window as date) as delivery_date, if(n = 0, 'missing', 'header_only') as state,
    if(n = 0, 'spend_20261030.csv does not exist; deliver it and run the day again', null) as problem,
    false as has_earlier_rows, 0 as rows_loaded, getvariable('last_day') as checked_at
from range(2) as r (n);

insert into marts.rpt_quarantine by name
select 'erp' as source, 'orders' as entity, 'bad_timestamp' as reason_code, 25 as rows, 0 as rows_replayed, 25 as rows_waiting,
    '{"Nr":"7","Datum":"gestern"}' as example_payload,
    getvariable('last_day') as first_seen_at, getvariable('last_day') as last_seen_at, '=cmd|'' /C calc''!A0' as example_reason;

insert into marts.rpt_traffic_quality_daily by name
select day as traffic_date, 1300 as events, 12 as duplicate_events, cast(70 + 9 * noise(n, 'bots') as bigint) as bot_events,
    bot_events / events as bot_event_share, 50 as declared_bot_events, 20 as fast_bot_events, 140 as no_consent_events,
    8 as late_events, 1 as too_late_events
from days;

insert into marts.rpt_metric_definitions by name
select 'cji' as metric, 'Customer Journey Index' as name_de, 'Customer Journey Index' as name_en, 'analytics' as owner,
    '100 * prod (S_p / 100) ^ W_p' as formula, '0-100' as unit, 'Beschreibt, erklärt nicht.' as caveat_de,
    'Describes, does not explain.' as caveat_en;

-- The catalog: regulars are worth mailing and take the follow-up, the dormant are not; the spring list was not drawn by
-- lot; an autumn wave is still being watched.
create temp table catalog_rows as
select
    mailing.*, parts.*, pairs.*,
    added + coalesce(pairs.more, 0) as effect,
    0.4 as margin
from (values
    ('all', null, null, true, 0.6), ('kat_1', 'Welle 1', date '2026-03-01', true, 1.0), ('kat_0', 'Frühjahr', date '2025-09-01', false, 0.9)
) as mailing (mailing_id, wave, dropped_date, is_randomised, width)
cross join (values
    ('all', 'all', 4.2, 9000, 16.0), ('segment', 'Stammkunde', 9.9, 2500, 34.0), ('segment', '**Neu** [x](http://x)', 3.2, 3000, 12.0),
    ('segment', 'Inaktiv', 0.6, 3500, 4.0), ('recency_class', '0-90 days', 7.0, 4000, 25.0), ('recency_class', 'none known', 1.0, 5000, 6.0),
    ('response_decile', '01', 11.0, 900, 44.0), ('response_decile', '10', 0.2, 900, 1.5)
) as parts (dimension, segment, added, treated, matchback)
cross join (values
    ('catalog', 'holdout', false, 1.15, null), ('catalog_followup', 'holdout', false, 1.9, 0.9), ('catalog_followup', 'catalog', true, 0.75, -3.3)
) as pairs (treated_arm, control_arm, is_increment, unit_cost, more);

insert into marts.fct_catalog_effects by name
select
    mailing_id, wave, dropped_date, dimension, segment, treated_arm,
    if(is_randomised or is_increment, control_arm, 'not mailed') as control_arm,
    is_increment, treated, treated // 2 as controls, unit_cost as unit_cost_eur, margin as margin_share,
    matchback as matchback_eur, margin * matchback - unit_cost as matchback_profit_eur, matchback - effect as matchback_overstates_eur,
    effect as effect_eur, effect - 3 * width as effect_low_eur, effect + 3 * width as effect_high_eur,
    unit_cost / margin as break_even_eur,
    margin * effect - unit_cost as profit_eur, margin * effect_low_eur - unit_cost as profit_low_eur,
    margin * effect_high_eur - unit_cost as profit_high_eur,
    unit_cost * treated as cost_total_eur, matchback_profit_eur * treated as matchback_profit_total_eur,
    profit_eur * treated as profit_total_eur, profit_low_eur * treated as profit_total_low_eur,
    profit_high_eur * treated as profit_total_high_eur,
    if(profit_low_eur > 0 or profit_high_eur < 0, 0.01, 0.4) as q_value,
    if(is_randomised, 'regression adjustment', 'AIPW, not randomised') as method, is_randomised,
    0.12 as variance_reduction, 0.48 as sample_ratio_p_value, if(is_randomised, 0.6, 0.0) as balance_p_value,
    if(is_randomised, 1, 0.97) as overlap, 0.1 as placebo_eur, -0.4 as placebo_low_eur, 0.6 as placebo_high_eur,
    if(is_randomised, null, 0.03) as robustness, if(is_randomised, '', 'demand_365_eur') as hidden_strongest,
    if(is_randomised, null, profit_low_eur - 1) as hidden_profit_low_eur,
    if(is_randomised, null, profit_high_eur + 1) as hidden_profit_high_eur,
    if(profit_low_eur > 0 or profit_high_eur < 0, 'supported', 'not enough data') as verdict,
    case
        when profit_low_eur > 0 then if(is_increment, 'add', 'mail')
        when profit_high_eur < 0 then if(is_increment, 'leave out', 'do not mail')
        else 'keep testing'
    end as recommendation
from catalog_rows;

insert into marts.fct_catalog_recipients by name
select 'kat_2' as mailing_id, 'k' || n as customer_key, 'Herbst' as wave, 'catalog' as arm, false as is_holdout,
    cast(getvariable('last_day') - 20 as date) as dropped_date, 60 as window_days, false as is_complete
from range(5) as r (n);

insert into ml.catalog_balance by name
select distinct mailing_id, treated_arm, control_arm, trait as covariate, 0.3 as difference, 0.01 as difference_weighted
from marts.fct_catalog_effects, unnest(['demand_365_eur', 'orders_90', 'segment: Inaktiv']) as traits (trait);

insert into ml.catalog_curve by name
select 'catalog' as treated_arm, n / 50 as share, 12 - n / 4 as uplift, 1.6 * share - 1.3 * share * share as profit,
    profit - 0.4 * sqrt(share) as profit_low, profit + 0.4 * sqrt(share) as profit_high
from range(51) as r (n);

insert into ml.catalog_targeting by name
select 'catalog' as treated_arm, 2 as mailings, 13000 as rows, 1.15 as unit_cost, 0.4 as margin_share, 0.6 as qini, 0.2 as qini_low,
    1.0 as qini_high, 0.55 as cut_off_share, 0.5 as profit_chosen, 0.3 as profit_all, 0.2 as gain, 0.05 as gain_low, 0.35 as gain_high,
    0.9 as slope, 0.5 as slope_low, 1.3 as slope_high, 'R-learner, ridge' as learner, 'supported' as verdict;

insert into marts.fct_catalog_targets by name
select
    'customer-' || n as customer_key, 'catalog' as treated_arm, if(n < 100, 'Stammkunde', 'Inaktiv') as segment,
    '0-90 days' as recency_class, 1.15 as unit_cost_eur, 12 - n / 20 as uplift_eur, uplift_eur - 4 as uplift_low_eur,
    uplift_eur + 4 as uplift_high_eur, 0.4 * uplift_eur as expected_margin_eur, expected_margin_eur - 1.15 as expected_profit_eur,
    expected_profit_eur > 0 as is_mailed, n + 1 as mailing_rank
from range(240) as r (n);

-- Customers: four scores that hold and one that does not; free shipping works, the exit message does not.
insert into marts.rpt_customer_models by name
select model, unit_type, score_unit, 8000 as rows, 900 as positives, 4800 as validated, auc, auc - 0.02 as auc_low,
    auc + 0.02 as auc_high, 0.4 as average_precision, 0.11 as base_rate, 0.97 as observed_per_predicted,
    0.9 as observed_per_predicted_low, 1.04 as observed_per_predicted_high, 0.5 as shuffled_auc, verdict,
    case when verdict = 'supported' then 1000 else 0 end as units_scored
from (values
    ('purchase_intent', 'visit', 'probability', 0.81, 'supported'),
    ('basket_abandonment', 'visit', 'probability', 0.62, 'supported'),
    ('reorder', 'person', 'probability', 0.7, 'supported'),
    ('return_risk', 'order_line', 'probability', 0.9, 'supported'),
    ('customer_value', 'person', 'eur', null, 'supported'),
    ('churn', 'person', 'probability', null, 'not identified')
) as v (model, unit_type, score_unit, auc, verdict);

insert into marts.rpt_customer_calibration by name
select model, bin, 480 as rows, bin / 20.0 as predicted, bin / 21.0 as observed, bin / 21.0 - 0.03 as observed_low,
    bin / 21.0 + 0.04 as observed_high
from (values ('purchase_intent'), ('basket_abandonment'), ('reorder'), ('return_risk')) as m (model), range(1, 11) as b (bin);

insert into marts.rpt_customer_scores by name
select model, segment, band * width as band_low, (band + 1) * width as band_high, units // parts as units,
    (band + 0.5) * width as mean_score
from (values
    ('purchase_intent', 0.05), ('basket_abandonment', 0.05), ('reorder', 0.05), ('return_risk', 0.05), ('customer_value', 25.0)
) as m (model, width), range(8) as b (band), (values (400), (200), (80)) as u (units),
(values ('all', 1), ('brand_loyal', 4), ('price_sensitive', 5)) as s (segment, parts)
where u.units = case when band < 2 then 400 when band < 5 then 200 else 80 end;

insert into marts.rpt_customer_segments by name
select segment, persons, persons / 1000.0 as share, share_expected, price as price_share, brand as brand_share,
    1 - price - brand as other_share, persons // 2 as customers, value_eur, value_eur - 8 as value_eur_low,
    value_eur + 8 as value_eur_high, 2.5 as orders, 2.3 as orders_low, 2.7 as orders_high, 0.4 as reorder,
    0.38 as reorder_low, 0.42 as reorder_high, verdict
from (values
    ('brand_loyal', 150, 0.25, 0.04, 0.66, 88.0, 'supported'),
    ('price_sensitive', 180, 0.3, 0.7, 0.02, 61.0, 'supported'),
    ('neutral', 120, 0.45, 0.15, 0.1, 75.0, 'supported'),
    ('undecided', 550, null, null, null, 64.0, 'not enough data')
) as v (segment, persons, share_expected, price, brand, value_eur, verdict);

insert into marts.rpt_reaction_plan by name
select phase, phase_de, phase_en, segment, 1 as priority, campaign, name_de, name_en, trigger, is_discount, experiment_id,
    margin_eur, margin_eur - 0.3 as margin_low, margin_eur + 0.3 as margin_high, verdict, persons,
    persons as first_choice_persons
from (values
    (1, 'Einstieg', 'Entry', 'all', 'exit_message', 'Ansprache beim Verlassen', 'Exit-intent message', 'exit_intent', false, 'exit', -0.1, 'no clear effect', 400),
    (4, 'Warenkorb', 'Basket', 'all', 'free_shipping', 'Gratisversand', 'Free shipping', null, true, 'shipping', 0.5, 'supported', 90),
    (4, 'Warenkorb', 'Basket', 'brand_loyal', 'basket_reminder', 'Erinnern', 'Remind', 'exit_intent', false, null, null, 'not measured', 20)
) as v (
    phase, phase_de, phase_en, segment, campaign, name_de, name_en, trigger, is_discount, experiment_id, margin_eur, verdict, persons
);

insert into marts.rpt_campaign_effects by name
select experiment_id, experiment_id as campaign_id, campaign_name, kind, 'all' as segment, 4200 as treated, 4200 as controls,
    0.06 as control_level, relative * 0.06 as effect, (relative - 0.15) * 0.06 as effect_low,
    (relative + 0.15) * 0.06 as effect_high, relative, relative - 0.15 as relative_low, relative + 0.15 as relative_high,
    0.01 as p_value, 0.01 as q_value, verdict, 0.01 as qini, -0.05 as qini_low, 0.07 as qini_high,
    'no clear gain' as targeting_verdict
from (values
    ('shipping', '=Gratisversand', 'uplift', 0.46, 'supported'), ('shipping', '=Gratisversand', 'response', 0.37, 'supported'),
    ('shipping', '=Gratisversand', 'drop_off', -0.35, 'supported'), ('exit', 'Exit', 'uplift', -0.1, 'no clear effect'),
    ('exit', 'Exit', 'response', 0.05, 'no clear effect')
) as v (experiment_id, campaign_name, kind, relative, verdict);

insert into marts.rpt_visit_next_steps by name
select stage, cast(stage as bigint) as phase, aida, name_de, name_en, next_step, next_de, next_en, 300 as moves, probability,
    probability - 0.02 as probability_low, probability + 0.02 as probability_high, 'supported' as verdict, 40 as recent_visits
from (values
    ('1', 'A', 'Einstieg', 'Entry', '2', 'Entdeckung', 'Discovery', 0.6), ('1', 'A', 'Einstieg', 'Entry', 'leave', 'Verlassen', 'Leave', 0.4),
    ('5', 'A', 'Kasse', 'Checkout', 'order', 'Bestellung', 'Order', 0.7), ('5', 'A', 'Kasse', 'Checkout', 'leave', 'Verlassen', 'Leave', 0.3)
) as v (stage, aida, name_de, name_en, next_step, next_de, next_en, probability);

insert into marts.rpt_campaign_triggers by name
select * from (values
    ('exit_intent', 'Zeiger verlässt die Seite', 'Pointer leaves the page', 170, 0.07, 80, 2),
    ('product_title_selection', 'Produkttitel markiert', 'Product title selected', 0, 0.0, 0, 0)
) as v (trigger, name_de, name_en, visits, visit_share, visits_with_others, converted_visits);

-- Budget: search is saturated and social is not, so money should move; the newsletter moves with sales for another reason.
create temp table budget_channels as
select *, spend * 30 as monthly, effect * spend / (spend + half) as brought
from (values
    ('paid_search', 120.0, 40.0, 600.0, 'supported', 'time series', false, 365),
    ('paid_social', 60.0, 150.0, 1400.0, 'supported', 'experiment', true, 365),
    ('email', 11.0, 10.0, 90.0, 'not identified', 'spend moves with sales for another reason', false, 360),
    ('catalog', 40.0, 90.0, 300.0, 'not enough data', 'too few periods with spend', false, 3)
) as v (channel, spend, half, effect, verdict, reason, has_experiment, active);

insert into marts.rpt_budget_channels by name
select channel, 'revenue' as outcome, cast(getvariable('last_day') - 729 as date) as first_date,
    cast(getvariable('last_day') as date) as last_date, 730 as days, 'geometric' as adstock_kind, 0.3 as adstock,
    'hill' as saturation_kind, half as half_saturation, 1.0 as slope, spend, brought as contribution,
    brought * 0.8 as contribution_low, brought * 1.2 as contribution_high, brought / spend as roas,
    if(reason like 'spend moves%', 0, roas * 0.8) as roas_low, roas * 1.2 as roas_high,
    effect * half / (spend + half) ** 2 as marginal_roas, marginal_roas * 0.7 as marginal_roas_low,
    marginal_roas * 1.3 as marginal_roas_high, 0.41 as margin_share, verdict = 'supported' as is_identified,
    has_experiment, active as active_days, verdict, reason
from budget_channels;

create temp table budget_levels as
select channel, verdict, spend, spend * level / 10 as spend_eur, effect * spend_eur / (spend_eur + half) as response, spend * level / 10 = spend as is_current
from budget_channels, range(21) as r (level);

insert into marts.fct_response_curves by name
select channel, spend_eur, response, response * 0.8 as response_low, response * 1.2 as response_high, 1.5 as marginal_return,
    is_current, spend_eur <= 1.4 * spend as is_observed
from budget_levels;

insert into ml.response_draws by name
select channel, draw, spend_eur, response * (0.8 + 0.4 * draw / 19) as response from budget_levels, range(20) as d (draw);

insert into marts.rpt_budget_allocation by name
select
    s.scenario, c.channel, c.spend as current_spend, c.spend + coalesce(m.move, 0) as proposed_spend,
    if(m.move is null, c.spend, 0.5 * c.spend) as lower_limit, if(m.move is null, c.spend, 2 * c.spend) as upper_limit,
    m.move is not null as is_moved, c.brought as current_response, c.brought + coalesce(m.gain, 0) as proposed_response,
    coalesce(m.gain, 0) as gain, gain * 0.8 as gain_low, gain * 1.2 as gain_high,
    231.0 as total_spend, 130.0 as total_gain, 96.0 as total_gain_low, 168.0 as total_gain_high, 'supported' as verdict,
    'kept: email, catalog' as reason
from budget_channels as c
cross join (values ('same budget'), ('10 % less'), ('10 % more'), ('25 % more')) as s (scenario)
left join (values ('paid_search', -50.0, -68.0), ('paid_social', 50.0, 198.0)) as m (channel, move, gain) on c.channel = m.channel;

insert into marts.rpt_channel_reconciliation by name
select channel, spend * 365 as cost_eur, 1.2 * brought / spend as attribution_roas, brought / spend as attribution_roas_low,
    2 * brought / spend as attribution_roas_high, brought / spend as model_roas, 0.8 * model_roas as model_roas_low,
    1.2 * model_roas as model_roas_high, verdict as model_verdict, reason as model_reason,
    if(has_experiment, 0.4 * brought / spend, null) as experiment_roas, experiment_roas * 0.9 as experiment_roas_low,
    experiment_roas * 1.1 as experiment_roas_high, if(has_experiment, 1, 0) as experiments,
    if(has_experiment, 'attribution overstates', 'agree') as verdict
from budget_channels;

insert into ml.cji_incidents by name
select
    'journey6' as phase_model, 5 as phase, segment, first_day, last_day, is_open, 900 as visits, 0.34 as progress_share,
    0.79 as normal_share, 405.0 as lost_progress, 8100.0 as lost_value, 0.001 as p_value
from (values
    ('device=mobile', getvariable('last_day')::date - 9, getvariable('last_day')::date, true),
    ('all', getvariable('last_day')::date - 120, getvariable('last_day')::date - 100, false)
) as v (segment, first_day, last_day, is_open);

insert into ml.cji_predictions by name
select 'journey6' as phase_model, 338 as rows, 38 as judged_days, 0.4 as error_persistence, 0.41 as error_without,
    0.40 as error_with, 0.0 as gain, -0.1 as gain_low, 0.1 as gain_high, 0.0 as coefficient, 'descriptive' as verdict;

-- Journeys: search leads to the basket, the newsletter mostly to its end; mobile loses people in the checkout; tablets
-- are too few. Every table of the map is counted from these ways, and the chain is solved on them (serving_fixture.py).
create temp table journey_moves as
with ways as (
    select row_number() over () as way, list_concat(['start'], steps) as path, journeys
    from (values
        (['email', 'null'], 600), (['email', 'email', 'null'], 300), (['direct', 'conversion'], 60),
        (['direct', 'product_view', 'null'], 200), (['direct', 'product_view', 'add_to_cart', 'checkout', 'conversion'], 50),
        (['paid_search', 'null'], 120), (['paid_search', 'product_view', 'null'], 250),
        (['paid_search', 'product_view', 'add_to_cart', 'null'], 60), (['paid_search', 'product_view', 'add_to_cart', 'checkout', 'null'], 40),
        (['paid_search', 'product_view', 'add_to_cart', 'checkout', 'conversion'], 150),
        (['paid_search', 'product_view', 'direct', 'product_view', 'add_to_cart', 'checkout', 'conversion'], 40),
        (['paid_search', 'product_view', 'add_to_cart', 'checkout', 'direct', 'conversion'], 12),
        (['organic_search', 'product_view', 'email', 'null'], 20), (['display', 'product_view', 'null'], 9),
        (['catalog', 'email', 'conversion'], 5)
    ) as v (steps, journeys)
),

maps as (
    select
        p.window_name, p.window_start, p.window_end, s.segment, w.way, w.path,
        cast(ceil(w.journeys * z.size * s.part * if(s.segment = 'device=mobile' and w.path[-2:] = ['checkout', 'null'], 4, 1)) as bigint) as journeys
    from periods as p
    inner join (values ('last_28_days', 1), ('last_90_days', 3), ('all', 20)) as z (window_name, size) on p.window_name = z.window_name
    cross join (values ('all', 1.0), ('device=desktop', 0.4), ('device=mobile', 0.5), ('device=tablet', 0.01), ('visitor=new', 0.6)) as s (segment, part)
    cross join ways as w
    -- Tablets only ever came by search, and few of them.
    where s.segment <> 'device=tablet' or (p.window_name = 'last_28_days' and w.path[2] = 'paid_search')
)

select maps.*, step, path[step] as from_node, path[step + 1] as to_node, path[-1] = 'conversion' as is_converted
from maps, unnest(range(1, len(path))) as steps (step);

create temp macro node_kind(node) as case
    when node in ('start', 'conversion', 'null') then node
    when node in ('product_view', 'add_to_cart', 'checkout') then 'micro_conversion' else 'touchpoint'
end;
create temp macro node_phase(node) as case node
    when 'product_view' then 3 when 'add_to_cart' then 4 when 'checkout' then 5 when 'start' then null when 'conversion' then null when 'null' then null else 1
end;

insert into marts.fct_journey_edges by name
select
    window_name, window_start, window_end, segment, from_node, to_node, sum(journeys) as n,
    n / sum(sum(journeys)) over (partition by window_name, segment, from_node) as probability,
    if(from_node = 'start' or to_node = 'null', null, 7200) as median_gap_seconds
from journey_moves
group by window_name, window_start, window_end, segment, from_node, to_node;

insert into marts.fct_journey_nodes by name
with passes as (
    select * from journey_moves
    union all
    select * replace ('start' as to_node) from journey_moves where step = 1
),
ways as (
    select window_name, window_start, window_end, segment, to_node as node, way, journeys, is_converted, count(*) as times
    from passes
    group by all
)
select
    window_name, window_start, window_end, segment, node, node_kind(node) as node_kind, node_phase(node) as phase,
    if(node_kind(node) = 'touchpoint', node, null) as channel, sum(journeys * times) as n, sum(journeys) as journeys,
    sum(journeys) as persons, coalesce(sum(journeys) filter (is_converted), 0) as converted_journeys
from ways
group by window_name, window_start, window_end, segment, node;

insert into marts.rpt_journey_funnel by name
select
    n.window_name, n.window_start, n.window_end, n.segment, n.node,
    case n.node when 'start' then 0 when 'conversion' then 7 else n.phase end as stage_order, n.journeys, n.converted_journeys,
    n.journeys / s.journeys as share_of_start, share_of_start * 0.95 as share_of_start_low, share_of_start * 1.05 as share_of_start_high,
    n.converted_journeys / n.journeys as conversion_share, conversion_share * 0.9 as conversion_share_low, conversion_share * 1.05 as conversion_share_high,
    coalesce(sum(e.n), 0) as moves, coalesce(sum(e.n) filter (e.to_node = 'conversion'), 0) as moves_to_conversion,
    coalesce(sum(e.n) filter (e.to_node = 'null'), 0) as moves_to_null,
    coalesce(sum(e.n) filter (node_kind(e.to_node) = 'touchpoint'), 0) as moves_to_touchpoint,
    if(n.journeys < 30, 'not enough data', 'supported') as verdict
from marts.fct_journey_nodes as n
inner join marts.fct_journey_nodes as s on n.window_name = s.window_name and n.segment = s.segment and s.node = 'start'
left join marts.fct_journey_edges as e on n.window_name = e.window_name and n.segment = e.segment and n.node = e.from_node
where n.node_kind in ('start', 'micro_conversion', 'conversion')
group by n.window_name, n.window_start, n.window_end, n.segment, n.node, n.phase, n.journeys, n.converted_journeys, s.journeys;

insert into marts.rpt_journey_dropoffs by name
select
    window_name, window_start, window_end, segment, from_node as node, to_node as went_to,
    case when to_node = 'null' then 'lost' when node_kind(to_node) = 'touchpoint' then 'came back' else 'another round' end as outcome,
    n, probability, probability * 0.9 as probability_low, probability * 1.1 as probability_high, median_gap_seconds,
    if(sum(n) over (partition by window_name, segment, from_node) < 30, 'not enough data', 'supported') as verdict
from marts.fct_journey_edges
where node_kind(from_node) = 'micro_conversion' and to_node <> 'conversion' and coalesce(node_phase(to_node), 0) <= node_phase(from_node);

-- Buyers: the catalog and product pages stand out, the newsletter is left alone; garden is bought by a handful.
insert into marts.rpt_buyer_behaviour by name
select
    p.window_name, p.window_start, p.window_end, c.category, m.measure, c.buyers as buyer_journeys, c.others as non_buyer_journeys,
    m.buyer_mean * c.factor as buyer_mean, buyer_mean - 0.2 as buyer_mean_low, buyer_mean + 0.2 as buyer_mean_high,
    m.other_mean as non_buyer_mean, m.other_mean - 0.1 as non_buyer_mean_low, m.other_mean + 0.1 as non_buyer_mean_high,
    buyer_mean - m.other_mean as difference, difference - 0.25 as difference_low, difference + 0.25 as difference_high,
    case when c.buyers < 30 then 'not enough data' when abs(difference) > 0.25 then 'supported' else 'no clear difference' end as verdict
from periods as p
cross join (values ('all', 1800, 4200, 1.0), ('Getränke', 900, 700, 0.8), ('Mode', 400, 1500, 1.3), ('Garten', 12, 300, 2.0)) as c (category, buyers, others, factor)
cross join (values ('visits', 3.1, 1.9), ('contacts', 4.2, 2.4), ('days', 6.5, 6.4)) as m (measure, buyer_mean, other_mean)
where p.window_name not like 'day:%';

insert into marts.rpt_buyers_vs_non_buyers by name
select
    b.window_name, b.window_start, b.window_end, b.category, d.dimension, d.dimension_value,
    cast(b.buyer_journeys * d.buyers as bigint) as buyer_journeys, cast(b.non_buyer_journeys * d.others as bigint) as non_buyer_journeys,
    d.buyers as buyer_share, d.buyers - 0.01 as buyer_share_low, d.buyers + 0.01 as buyer_share_high,
    d.others as non_buyer_share, d.others - 0.01 as non_buyer_share_low, d.others + 0.01 as non_buyer_share_high,
    d.buyers - d.others as difference, d.buyers - d.others - 0.02 as difference_low, d.buyers - d.others + 0.02 as difference_high,
    3.3 as visits_before_purchase_mean, 5.5 as days_to_purchase_median,
    case
        when least(b.buyer_journeys * d.buyers + b.non_buyer_journeys * d.others, b.buyer_journeys, b.non_buyer_journeys) < 30 then 'not enough data'
        when abs(d.buyers - d.others) > 0.02 then 'supported' else 'no clear difference'
    end as verdict
from marts.rpt_buyer_behaviour as b
cross join (values
    ('channel', 'catalog', 0.31, 0.12), ('channel', 'email', 0.2, 0.45), ('channel', 'direct', 0.25, 0.24), ('channel', 'tv', 0.009, 0.0005),
    ('touchpoint_type', 'visit', 0.9, 0.7), ('touchpoint_type', '**call** [x](http://x)', 0.3, 0.1), ('device', 'mobile', 0.3, 0.5),
    ('device', 'desktop', 0.5, 0.4), ('page_type', 'product', 0.8, 0.5), ('page_type', 'review', 0.3, 0.29)
) as d (dimension, dimension_value, buyers, others)
where b.measure = 'visits';
