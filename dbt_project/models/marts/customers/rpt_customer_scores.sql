-- One row per model x segment of searchers x band of the score: how many units lie there. No single person.
--
-- Bands are a twentieth wide for probabilities, half an order, 25 euro; whatever lies above the last one counts there.

with tastes as (

    select
        person_id,
        label as segment
    from {{ source('ml', 'customer_scores') }}
    where model = 'search_taste'

),

scores as (

    select
        scores.model,
        scores.unit_id,
        scores.score,
        coalesce(tastes.segment, 'undecided') as segment,
        case models.score_unit when 'orders' then 0.5 when 'eur' then 25.0 else 0.05 end as width,
        case models.score_unit when 'probability' then 19 else 39 end as last_band
    from {{ source('ml', 'customer_scores') }} as scores
    inner join {{ source('ml', 'customer_models') }} as models on scores.model = models.model
    left join tastes on scores.person_id = tastes.person_id
    where scores.model not in ('search_taste', 'visit_stage')

),

banded as (

    select
        *,
        -- the last bit of a sum decides no band
        least(floor(round(score / width, 6)), last_band) * width as band_low
    from scores

),

segments as (

    select 'all' as segment
    union all
    select distinct segment from scores

)

select
    banded.model,
    segments.segment,
    cast(banded.band_low as double) as band_low,
    cast(banded.band_low + banded.width as double) as band_high,
    count(*) as units,
    avg(banded.score) as mean_score
from banded
cross join segments
where segments.segment in ('all', banded.segment)
group by banded.model, segments.segment, banded.band_low, banded.width
