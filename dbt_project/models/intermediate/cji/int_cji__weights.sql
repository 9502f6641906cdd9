-- One row per phase of a phase model: the weights and directions that count, after the direction audit.
--
-- The audit (`ml.cji_directions`) asks the shop's own visits whether more time and more page views go with progress as
-- the seed says. Where they do not, the parameter is not judged. Before its first run the seed counts as it stands.

{{ config(materialized='keyed', key=['phase_model', 'phase']) }}

with audit as (

    select
        phase_model,
        phase,
        bool_or(parameter = 'time' and not is_kept) as time_is_dropped,
        bool_or(parameter = 'pageviews' and not is_kept) as pageviews_is_dropped
    from {{ source('ml', 'cji_directions') }}
    group by phase_model, phase

)

select
    weights.phase_model,
    weights.phase,
    weights.phase_weight,
    case
        when {{ var('cji_direction_audit') }} and coalesce(audit.time_is_dropped, false) then 0.0
        else weights.time_weight
    end as time_weight,
    weights.time_direction,
    case
        when {{ var('cji_direction_audit') }} and coalesce(audit.pageviews_is_dropped, false) then 0.0
        else weights.pageviews_weight
    end as pageviews_weight,
    weights.pageviews_direction,
    weights.visits_weight,
    1 as visits_direction,
    weights.comeback_weight,
    1 as comeback_direction,
    coalesce(weights.breadth_weight, 0.0) as breadth_weight,
    1 as breadth_direction
from {{ ref('cji_weights') }} as weights
left join audit on weights.phase_model = audit.phase_model and weights.phase = audit.phase
