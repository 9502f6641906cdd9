-- One row per paid channel: its return on spend by attribution, by the response model and by experiment, side by side.
--
-- Attribution credits orders that contacts preceded, the response model and experiments say what would be missing
-- without the spend: they may differ, and where they do the row says so. All three look at the same last year.

with windows as (

    select
        window_start,
        window_end
    from {{ ref('int_journeys__windows') }}
    where window_name = 'last_365_days'

),

attributed as (

    select
        channel,
        max(cost_eur) as cost_eur,
        min(roas) as roas_low,
        max(roas) as roas_high,
        max(case when model = 'markov' then roas end) as roas_markov,
        max(case when model = 'last_non_direct' then roas end) as roas_last_non_direct
    from {{ ref('fct_channel_credits') }}
    where window_name = 'last_365_days' and level = 'channel' and cost_eur > 0
    group by channel

),

tested as (

    select
        tests.channel,
        count(*) as experiments,
        sum(tests.lift_eur) as lift_eur,
        1.645 * sqrt(sum(power(tests.standard_error_eur, 2))) as lift_margin,
        sum(tests.cost_eur) as cost_eur
    from {{ ref('fct_lift_tests') }} as tests
    inner join windows on tests.first_date between windows.window_start and windows.window_end
    group by tests.channel

),

joined as (

    select
        attributed.channel,
        attributed.cost_eur,
        attributed.roas_markov as attribution_roas,
        attributed.roas_low as attribution_roas_low,
        attributed.roas_high as attribution_roas_high,
        attributed.roas_last_non_direct,
        modelled.roas as model_roas,
        modelled.roas_low as model_roas_low,
        modelled.roas_high as model_roas_high,
        coalesce(modelled.verdict, 'not identified') as model_verdict,
        coalesce(modelled.reason, 'paid per sale') as model_reason,
        coalesce(modelled.outcome, 'revenue') = 'revenue' as is_comparable,
        tested.experiments,
        tested.lift_eur / nullif(tested.cost_eur, 0) as experiment_roas,
        (tested.lift_eur - tested.lift_margin) / nullif(tested.cost_eur, 0) as experiment_roas_low,
        (tested.lift_eur + tested.lift_margin) / nullif(tested.cost_eur, 0) as experiment_roas_high
    from attributed
    left join {{ source('ml', 'response_channels') }} as modelled on attributed.channel = modelled.channel
    left join tested on attributed.channel = tested.channel

),

compared as (

    select
        *,
        model_verdict = 'supported' and is_comparable as has_model,
        experiment_roas is not null as has_experiment
    from joined

)

select
    channel,
    cast(cost_eur as decimal(18, 2)) as cost_eur,
    attribution_roas,
    attribution_roas_low,
    attribution_roas_high,
    model_roas,
    model_roas_low,
    model_roas_high,
    model_verdict,
    model_reason,
    experiment_roas,
    experiment_roas_low,
    experiment_roas_high,
    coalesce(experiments, 0) as experiments,
    case
        when
            has_model and has_experiment
            and (model_roas_low > experiment_roas_high or model_roas_high < experiment_roas_low)
            then 'model and experiment disagree'
        when has_experiment and attribution_roas_low > experiment_roas_high then 'attribution overstates'
        when has_experiment and attribution_roas_high < experiment_roas_low then 'attribution understates'
        when has_model and attribution_roas_low > model_roas_high then 'attribution overstates'
        when has_model and attribution_roas_high < model_roas_low then 'attribution understates'
        when has_model or has_experiment then 'agree'
        else 'nothing to compare with'
    end as verdict
from compared
