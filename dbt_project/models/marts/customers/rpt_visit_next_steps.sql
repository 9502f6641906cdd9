-- One row per stage of a visit x next step: its probability, and how many visits of the last days stand at the stage.

with stages as (

    select
        cast(phase as varchar) as stage,
        phase,
        coalesce(aida, 'L') as aida,
        name_de,
        name_en
    from {{ ref('cji_phases') }}
    where phase_model = 'journey6'

),

last_moves as (

    select
        session_id,
        max_by(stage, event_number) as stage
    from {{ ref('int_customers__stage_moves') }}
    group by session_id

),

standing as (

    select
        moves.stage,
        count(*) as visits
    from {{ source('ml', 'customer_scores') }} as scores
    inner join last_moves as moves on scores.unit_id = moves.session_id
    where scores.model = 'visit_stage'
    group by moves.stage

)

select
    steps.stage,
    stages.phase,
    stages.aida,
    stages.name_de,
    stages.name_en,
    steps.next_step,
    coalesce(following.name_de, case steps.next_step when 'order' then 'Bestellung' else 'Verlassen' end) as next_de,
    coalesce(following.name_en, case steps.next_step when 'order' then 'Order' else 'Leave' end) as next_en,
    steps.moves,
    steps.probability,
    steps.low as probability_low,
    steps.high as probability_high,
    steps.verdict,
    coalesce(standing.visits, 0) as recent_visits
from {{ source('ml', 'visit_next_steps') }} as steps
inner join stages on steps.stage = stages.stage
left join stages as following on steps.next_step = following.stage
left join standing on steps.stage = standing.stage
