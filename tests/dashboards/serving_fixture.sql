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
