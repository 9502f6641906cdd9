-- One row per metric shown anywhere: its owner, formula, unit and caveat.

select
    metric,
    name_de,
    name_en,
    owner,
    formula,
    unit,
    caveat_de,
    caveat_en
from {{ ref('metric_definitions') }}
