-- One row per day x rule model x channel x campaign x person bucket: the sums all credits and intervals are made of.

{% set affected %}
select conversion_date from {{ changes('int_attribution__rule_credits') }}
{% endset %}
{{ config(materialized='keyed', key=['conversion_date'], affected=affected) }}

{% for model in rule_models() %}
    select
        conversion_date,
        '{{ model }}' as model,
        channel,
        campaign_id,
        person_bucket,
        sum({{ model }}_credit) as conversions,
        sum({{ model }}_credit * revenue_eur) as revenue_eur,
        sum({{ model }}_credit * margin_eur) as margin_eur
    from {{ ref('int_attribution__rule_credits') }}
    where {{ model }}_credit > 0 and {{ affected_only('conversion_date') }}
    group by conversion_date, channel, campaign_id, person_bucket
    {{ 'union all' if not loop.last }}
{% endfor %}
