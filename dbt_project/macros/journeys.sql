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
   degrees of freedom. Rounding may leave a sum of squares just below zero. #}
{% macro jackknife_margin(sum_of_squares) -%}
    1.984 * sqrt(greatest({{ sum_of_squares }}, 0) * 100 / 99.0)
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
