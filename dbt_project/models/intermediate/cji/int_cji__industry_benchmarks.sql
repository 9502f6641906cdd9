-- One row per phase model x phase: the industry quantiles of the seed on the scale of the parameters, NULL where empty.
--
-- Seconds and page views become logs, shares logits; the spread is that of a normal with these quartiles. The
-- noise of one visit is 1 / (p (1 - p)) for a logit; of a mean the table does not tell it.
-- noqa: disable=LT02

with quantiles as (

    select
        phase_model,
        phase,
        parameter,
        {%- for quantile in ['p25', 'p50', 'p75'] %}
        case
            when parameter in ('time', 'pageviews') then ln({{ quantile }})
            else ln({{ quantile }} / (1.0 - {{ quantile }}))
        end as {{ quantile }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('cji_industry_benchmarks') }}

)

select
    phase_model,
    phase,
    max(case when parameter = 'visits' then p75 end) as visits_p75,
    {%- for parameter in cji_parameters() %}
    max(case when parameter = '{{ parameter }}' then p50 end) as {{ parameter }}_benchmark,
    {%- if parameter in cji_means() %}
    cast(null as double) as {{ parameter }}_unit_noise,
    {%- else %}
    max(case when parameter = '{{ parameter }}' then 2.0 + exp(p50) + exp(-p50) end) as {{ parameter }}_unit_noise,
    {%- endif %}
    max(case when parameter = '{{ parameter }}' then (p75 - p25) / 1.349 end) as {{ parameter }}_spread
    {{- ',' if not loop.last }}
    {%- endfor %}
from quantiles
group by phase_model, phase
