{# Forms that journeys and attribution share. #}

{# A list of values in a given order; `order` is a list of columns that leaves no ties. #}
{% macro ordered_list(value, order) -%}
    {{ return(adapter.dispatch('ordered_list')(value, order)) }}
{%- endmacro %}

{% macro default__ordered_list(value, order) -%}
    list({{ value }} order by {{ order | join(', ') }})
{%- endmacro %}

{% macro spark__ordered_list(value, order) -%}
    transform(
        array_sort(collect_list(struct({{ order | join(', ') }}, {{ value }} as listed_value))), x -> x.listed_value
    )
{%- endmacro %}


{# Rule models in the order they are shown; each is a column `<model>_credit` of int_attribution__rule_credits. #}
{% macro rule_models() -%}
    {{ return(['first', 'last', 'last_non_direct', 'linear', 'position', 'time_decay']) }}
{%- endmacro %}


{# Half the width of a 95 % interval from the sum of squared bucket deviations: the delete-one-bucket jackknife over
   100 person buckets. Of a sum over buckets it is exact, and of a ratio its linear form. 1.984 is Student's t at 99
   degrees of freedom. A sum that is a difference of sums names what it is taken from: what rounding leaves of that is 0,
   or its root would be an interval that changes with the order of the rows. #}
{% macro jackknife_margin(sum_of_squares, taken_from='0') -%}
    1.984 * sqrt(
        case when {{ sum_of_squares }} > 1e-12 * {{ taken_from }} then {{ sum_of_squares }} else 0 end * 100 / 99.0
    )
{%- endmacro %}


{# How many independent observations a share with this variance stands for; never more than there are. #}
{% macro effective_size(share, size, variance) -%}
    case
        when {{ variance }} > 0 then least({{ size }}, {{ share }} * (1 - {{ share }}) / {{ variance }})
        else {{ size }}
    end
{%- endmacro %}


{# Lower ('-') or upper ('+') end of Wilson's 95 % interval of a share; 1.96 is the normal quantile. Rounding may not
   put the end on the wrong side of the share. #}
{% macro wilson_bound(share, size, sign) -%}
    case
        when {{ size }} > 0
            then {{ 'least' if sign == '-' else 'greatest' }}({{ share }}, (
                {{ share }} + 1.9208 / {{ size }}
                {{ sign }} 1.96 * sqrt({{ share }} * (1 - {{ share }}) / {{ size }} + 0.9604 / ({{ size }} * {{ size }}))
            ) / (1 + 3.8416 / {{ size }}))
    end
{%- endmacro %}


{# The kept share of an amount in the reporting currency. A share is a double, and half a cent in doubles falls to either
   side: six exact digits on the way bring it back, so that it rounds up as on paper. #}
{% macro netted(amount, share, rate) -%}
    cast(round(cast({{ amount }} * {{ share }} * {{ rate }} as decimal(18, 6)), 2) as decimal(18, 2))
{%- endmacro %}


{# CTEs that cut the time line of each `unit` (CTE `timeline`: at_micros, is_order, entry_id) into journeys: `parts`. It is
   cut after every order and where nothing happened for longer than the inactivity limit. Of a stretch that ends in an
   order, what is older than the look-back becomes a part of its own that bought nothing. #}
{% macro journey_parts(unit, inactivity_days, lookback_days) -%}
{%- set day_micros = 86400000000 -%}
gaps as (

    select
        *,
        lag(is_order) over line = 1
        or at_micros - lag(at_micros) over line > {{ inactivity_days }} * {{ day_micros }} as is_cut
    from timeline
    window line as (partition by {{ unit }} order by at_micros, is_order, entry_id)

),

stretches as (

    select
        *,
        sum(case when is_cut then 1 else 0 end) over (
            partition by {{ unit }}
            order by at_micros, is_order, entry_id
            rows between unbounded preceding and current row
        ) as stretch_number
    from gaps

),

ends as (

    select
        *,
        max(case when is_order = 1 then entry_id end) over (partition by {{ unit }}, stretch_number) as conversion_id,
        max(case when is_order = 1 then at_micros end) over (partition by {{ unit }}, stretch_number) as order_micros
    from stretches

),

parts as (

    select
        *,
        coalesce(at_micros >= order_micros - {{ lookback_days }} * {{ day_micros }}, false) as is_converted
    from ends

)
{%- endmacro %}


{# Seconds rounded to two digits, -1 for none: what a map shows. #}
{% macro two_digits(seconds) -%}
    case
        when {{ seconds }} is null then -1
        when {{ seconds }} < 100 then cast(round({{ seconds }}) as bigint)
        else cast(
            round({{ seconds }} / power(10, floor(log10({{ seconds }})) - 1)) * power(10, floor(log10({{ seconds }})) - 1)
            as bigint
        )
    end
{%- endmacro %}


{# Sums of the moves of the map over a period of the day a journey ended. #}
{% macro journey_map_sums(period, name) -%}
select
    {{ period ~ (' as ' ~ name if name != period else '') }},
    coalesce(device_type, '') as device_type,
    coalesce(visitor_type, '') as visitor_type,
    from_node,
    to_node,
    to_kind,
    {{ two_digits('gap_seconds') }} as gap_seconds,
    cast(sum(_balance) as bigint) as moves,
    -- A node is passed by a journey once, however often it comes back to it.
    cast(sum(case when is_first_pass then _balance else 0 end) as bigint) as journeys,
    cast(sum(case when is_first_pass and is_converted then _balance else 0 end) as bigint) as converted_journeys
from {{ signed_rows('int_journeys__map_moves') }} as moves
group by
    {{ period }},
    coalesce(device_type, ''),
    coalesce(visitor_type, ''),
    from_node,
    to_node,
    to_kind,
    {{ two_digits('gap_seconds') }}
{%- endmacro %}
