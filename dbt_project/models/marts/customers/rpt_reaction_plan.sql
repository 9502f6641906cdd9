-- One row per phase x segment x priority of the reaction plan: the campaign, its measured effect where there is one,
-- and how many people it is the next best for.

with effects as (

    select
        experiment_id,
        max(case when kind = 'uplift' then effect end) as margin_eur,
        max(case when kind = 'uplift' then effect_low end) as margin_low,
        max(case when kind = 'uplift' then effect_high end) as margin_high,
        max(case when kind = 'uplift' then verdict end) as margin_verdict,
        max(case when kind = 'response' then relative end) as response,
        max(case when kind = 'response' then relative_low end) as response_low,
        max(case when kind = 'response' then relative_high end) as response_high,
        max(case when kind = 'response' then verdict end) as response_verdict
    from {{ source('ml', 'campaign_effects') }}
    where segment = 'all'
    group by experiment_id

),

persons as (

    select
        phase,
        segment,
        campaign,
        count(*) as persons,
        count(case when rank = 1 then 1 end) as first_choice_persons
    from {{ source('ml', 'next_best_campaigns') }}
    group by phase, segment, campaign

),

own as (

    select distinct
        phase,
        segment
    from {{ ref('reaction_plan') }}

),

-- People of segments without rows of their own take those for all.
asked as (

    select
        plan.phase,
        plan.segment,
        plan.campaign,
        sum(persons.persons) as persons,
        sum(persons.first_choice_persons) as first_choice_persons
    from {{ ref('reaction_plan') }} as plan
    inner join persons on plan.phase = persons.phase and plan.campaign = persons.campaign
    left join own on persons.phase = own.phase and persons.segment = own.segment
    where plan.segment = coalesce(own.segment, 'all')
    group by plan.phase, plan.segment, plan.campaign

)

select
    plan.phase,
    phases.name_de as phase_de,
    phases.name_en as phase_en,
    plan.segment,
    plan.priority,
    plan.campaign,
    plan.name_de,
    plan.name_en,
    plan.trigger,
    plan.is_discount,
    plan.experiment_id,
    effects.margin_eur,
    effects.margin_low,
    effects.margin_high,
    effects.response,
    effects.response_low,
    effects.response_high,
    case
        when effects.experiment_id is null then 'not measured'
        when effects.margin_verdict = 'supported' and effects.margin_low > 0 then 'supported'
        when effects.margin_verdict = 'supported' then 'costs margin'
        when effects.response_verdict = 'supported' and effects.response_low > 0 then 'answered'
        else coalesce(effects.margin_verdict, 'not enough data')
    end as verdict,
    cast(coalesce(asked.persons, 0) as bigint) as persons,
    cast(coalesce(asked.first_choice_persons, 0) as bigint) as first_choice_persons
from {{ ref('reaction_plan') }} as plan
inner join {{ ref('cji_phases') }} as phases on phases.phase_model = 'journey6' and plan.phase = phases.phase
left join effects on plan.experiment_id = effects.experiment_id
left join asked
    on plan.phase = asked.phase and plan.segment = asked.segment and plan.campaign = asked.campaign
