-- One row per snapshot day x phase model x segment: the phase with the most money left in it, and how sure that is.
--
-- Confidence is the chance that the phase really leads each of the others and nothing at all: the product of the
-- chances of each lead, by the jackknife spread of the difference. Leads share the leader's noise, so all of them hold
-- together at least that often (Slepian). Under 60 % there is no clear bottleneck and nothing is recommended.
-- noqa: disable=LT02

{% set grain = ['snapshot_date', 'segment', 'phase_model'] %}

with indexes as (

    select * from {{ ref('fct_cji') }}

),

stakes as (

    select
        snapshot_date,
        segment,
        phase_model,
        phase,
        money_at_stake_eur,
        money_gap_eur
    from {{ ref('int_cji__phase_scores') }}
    where log_score is not null and phase_weight > 0 and money_gap_eur is not null

),

ranked as (

    select
        *,
        row_number() over (
            partition by {{ grain | join(', ') }} order by money_gap_eur desc, phase asc
        ) as place
    from stakes

),

changes as (

    select
        ranked.*,
        replicates.person_bucket,
        replicates.money_change_eur
    from ranked
    inner join {{ ref('int_cji__replicates') }} as replicates
        on
            {%- for column in grain + ['phase'] %}
            ranked.{{ column }} = replicates.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}

),

variances as (

    select {{ grain | join(', ') }}, phase, sum(money_change_eur * money_change_eur) as variance
    from changes
    group by {{ grain | join(', ') }}, phase

),

-- A bucket without visits in a phase leaves its money alone, so only shared buckets covary.
covariances as (

    select
        {%- for column in grain %}
        rivals.{{ column }},
        {%- endfor %}
        rivals.phase,
        sum(leaders.money_change_eur * rivals.money_change_eur) as covariance
    from changes as rivals
    inner join changes as leaders
        on
            {%- for column in grain %}
            rivals.{{ column }} = leaders.{{ column }} and
            {%- endfor %}
            rivals.person_bucket = leaders.person_bucket
    where leaders.place = 1 and rivals.place > 1
    group by
        {%- for column in grain %}
        rivals.{{ column }},
        {%- endfor %}
        rivals.phase

),

duels as (

    select
        {%- for column in grain %}
        leaders.{{ column }},
        {%- endfor %}
        leaders.money_gap_eur - rivals.money_gap_eur as lead_eur,
        sqrt({{ at_least(
            'leader_variances.variance + rival_variances.variance - 2.0 * coalesce(covariances.covariance, 0.0)', '0.0'
        ) }}) * sqrt({{ cji_buckets() - 1 }} / {{ cji_buckets() }}.0) as lead_se
    from ranked as leaders
    inner join ranked as rivals
        on
            {%- for column in grain %}
            leaders.{{ column }} = rivals.{{ column }} and
            {%- endfor %}
            rivals.place > 1
    inner join variances as leader_variances
        on
            {%- for column in grain + ['phase'] %}
            leaders.{{ column }} = leader_variances.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    inner join variances as rival_variances
        on
            {%- for column in grain + ['phase'] %}
            rivals.{{ column }} = rival_variances.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    left join covariances
        on
            {%- for column in grain + ['phase'] %}
            rivals.{{ column }} = covariances.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    where leaders.place = 1

),

leads as (

    select {{ grain | join(', ') }}, lead_eur, lead_se from duels

    union all

    select
        {%- for column in grain %}
        leaders.{{ column }},
        {%- endfor %}
        leaders.money_gap_eur as lead_eur,
        sqrt(leader_variances.variance) * sqrt({{ cji_buckets() - 1 }} / {{ cji_buckets() }}.0) as lead_se
    from ranked as leaders
    inner join variances as leader_variances
        on
            {%- for column in grain + ['phase'] %}
            leaders.{{ column }} = leader_variances.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}
    where leaders.place = 1

),

-- A lead that no bucket moves is certain, unless it is none.
standardised as (

    select
        *,
        case when lead_eur > 0 then coalesce(lead_eur / nullif(lead_se, 0), 9.0) else 0.0 end as lead_z
    from leads

),

confidences as (

    select {{ grain | join(', ') }}, exp(sum(ln({{ normal_cdf('lead_z') }}))) as confidence
    from standardised
    group by {{ grain | join(', ') }}

),

answers as (

    select
        indexes.snapshot_date,
        indexes.phase_model,
        indexes.segment,
        leaders.phase,
        leaders.money_at_stake_eur,
        seconds.phase as second_phase,
        seconds.money_at_stake_eur as second_money_at_stake_eur,
        confidences.confidence,
        case
            when indexes.cji is null then 'not enough data'
            when leaders.money_at_stake_eur > 0 and confidences.confidence >= 0.6 then 'act'
            else 'no clear bottleneck'
        end as verdict
    from indexes
    {%- for place, alias in [(1, 'leaders'), (2, 'seconds')] %}
    left join ranked as {{ alias }}
        on
            {%- for column in grain %}
            indexes.{{ column }} = {{ alias }}.{{ column }} and
            {%- endfor %}
            {{ alias }}.place = {{ place }}
    {%- endfor %}
    left join confidences
        on
            {%- for column in grain %}
            indexes.{{ column }} = confidences.{{ column }}{{ ' and' if not loop.last }}
            {%- endfor %}

)

select
    answers.snapshot_date,
    answers.phase_model,
    answers.segment,
    cast(answers.phase as bigint) as phase,
    round(answers.money_at_stake_eur, 2) as money_at_stake_eur,
    cast(answers.second_phase as bigint) as second_phase,
    round(answers.second_money_at_stake_eur, 2) as second_money_at_stake_eur,
    case when answers.verdict = 'act' then campaigns.campaign_de end as campaign_de,
    case when answers.verdict = 'act' then campaigns.campaign_en end as campaign_en,
    round(answers.confidence, 4) as confidence,
    answers.verdict
from answers
left join {{ ref('cji_campaigns') }} as campaigns
    on answers.phase_model = campaigns.phase_model and answers.phase = campaigns.phase
