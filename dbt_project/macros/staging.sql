{# What every staging model does the same way: the latest delivery per key, money in one currency, regions. #}

{# A key delivered again keeps its latest delivery. Load time plays no part, so days may be loaded in any order. #}
{% macro latest_delivery(key) -%}
    row_number() over (
        partition by {{ key | join(', ') }} order by _delivery_date desc, _source desc, _row_number desc
    ) = 1
{%- endmacro %}


{# Is this the state of a delivery that replaces what its day brought before? The other states leave it as it was. #}
{% macro is_complete(state) -%}
    {{ state }} in ('loaded', 'empty', 'header_only')
{%- endmacro %}


{# Money in the reporting currency, NULL while its rate is missing (test `money_is_converted` then blocks). #}
{% macro converted(amount, rate) -%}
    cast(round({{ amount }} * {{ rate }}, 2) as decimal(18, 2))
{%- endmacro %}


{# Join to the rate of a currency on a day; alias it to read `<alias>.rate`. #}
{% macro join_rate(alias, currency, day) -%}
    left join {{ ref('stg_reference__exchange_rates') }} as {{ alias }}
        on {{ alias }}.currency = upper({{ currency }}) and {{ alias }}.rate_date = {{ day }}
{%- endmacro %}


{# One row per country and postal code of a relation, with the region of the longest matching prefix. #}
{% macro regions_of(relation, postal_code='postal_code', country='country') -%}
    select
        codes.country,
        codes.postal_code,
        max_by(regions.region, length(coalesce(regions.postal_prefix, ''))) as region,
        max_by(regions.location_id, length(coalesce(regions.postal_prefix, ''))) as location_id
    from (
        select distinct
            coalesce({{ country }}, '{{ var("default_country") }}') as country,
            {{ postal_code }} as postal_code
        from {{ relation }}
        where {{ postal_code }} is not null
    ) as codes
    inner join {{ ref('postal_regions') }} as regions
        on codes.country = regions.country and codes.postal_code like concat(coalesce(regions.postal_prefix, ''), '%')
    group by codes.country, codes.postal_code
{%- endmacro %}


{# Raise instead of returning rows, so that the message itself names what is wrong. #}
{% macro raise_error(message) -%}
    {{ return(adapter.dispatch('raise_error')(message)) }}
{%- endmacro %}

{% macro default__raise_error(message) -%}
    error({{ message }})
{%- endmacro %}

{% macro spark__raise_error(message) -%}
    raise_error({{ message }})
{%- endmacro %}
