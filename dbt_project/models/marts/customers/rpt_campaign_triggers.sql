-- One row per trigger of on-site campaigns: the visits of the last 28 days in which it fired, and those where others
-- did too.

with triggers as (

    select
        trigger,
        min(name_de) as name_de,
        min(name_en) as name_en
    from {{ ref('campaign_triggers') }}
    group by trigger

),

visits as (

    select
        session_id,
        is_converted
    from {{ ref('int_customers__visits') }}
    where session_date > {{ add_days(as_of_date(), -28) }}

),

hits as (

    select
        hits.session_id,
        hits.trigger,
        visits.is_converted,
        count(*) over (partition by hits.session_id) as triggers
    from {{ ref('int_customers__trigger_hits') }} as hits
    inner join visits on hits.session_id = visits.session_id

),

sums as (

    select
        trigger,
        count(*) as visits,
        count(case when triggers > 1 then 1 end) as visits_with_others,
        count(case when is_converted then 1 end) as converted_visits
    from hits
    group by trigger

)

select
    triggers.trigger,
    triggers.name_de,
    triggers.name_en,
    coalesce(sums.visits, 0) as visits,
    cast(coalesce(sums.visits, 0) / nullif((select count(*) from visits), 0) as double) as visit_share,
    coalesce(sums.visits_with_others, 0) as visits_with_others,
    coalesce(sums.converted_visits, 0) as converted_visits
from triggers
left join sums on triggers.trigger = sums.trigger
