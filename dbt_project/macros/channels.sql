{# Where a visit came from. What the signals mean is said in seeds/channel_rules.csv; here they are only read. #}

{# Host of an address without "www."; '' when there is none. #}
{% macro host_of(url) -%}
    coalesce(regexp_extract(lower({{ url }}), '^[a-z]+://(?:www[.])?([^/:?#]+)', 1), '')
{%- endmacro %}


{# The four signals an event may carry, '' when it does not. A referrer on the page's own host is no signal; of a
   click id only its kind counts ("gclid:..."), since the value differs with every click. #}
{% macro signal_columns(alias) -%}
    coalesce(lower(trim({{ alias }}.utm_source)), '') as signal_source,
        coalesce(lower(trim({{ alias }}.utm_medium)), '') as signal_medium,
        case
            when coalesce({{ alias }}.click_id, '') = '' then ''
            else coalesce(nullif(regexp_extract(lower({{ alias }}.click_id), '^([a-z]+)[:=]', 1), ''), 'other')
        end as signal_click,
        case
            when {{ alias }}.referrer_url is null then ''
            when {{ host_of(alias ~ '.referrer_url') }} = {{ host_of(alias ~ '.page_url') }} then ''
            else {{ host_of(alias ~ '.referrer_url') }}
        end as signal_host
{%- endmacro %}


{# The channel of every combination of signals in a relation: the first rule whose patterns all match.
   A pattern is a regular expression for the whole value; an empty one matches anything. #}
{% macro channels_of_signals(relation) -%}
    select
        signals.signal_source,
        signals.signal_medium,
        signals.signal_click,
        signals.signal_host,
        nullif(min_by(rules.channel, rules.priority), 'none') as channel
    from (
        select distinct signal_source, signal_medium, signal_click, signal_host
        from {{ relation }}
        where signal_source <> '' or signal_medium <> '' or signal_click <> '' or signal_host <> ''
    ) as signals
    inner join {{ ref('channel_rules') }} as rules
        on
            {{ matches('signals.signal_source', 'rules.utm_source') }}
            and {{ matches('signals.signal_medium', 'rules.utm_medium') }}
            and {{ matches('signals.signal_click', 'rules.click_id') }}
            and {{ matches('signals.signal_host', 'rules.referrer_host') }}
    group by all
{%- endmacro %}


{% macro matches(value, pattern) -%}
    {{ return(adapter.dispatch('matches')(value, pattern)) }}
{%- endmacro %}

{% macro default__matches(value, pattern) -%}
    (coalesce({{ pattern }}, '') = '' or regexp_matches({{ value }}, concat('^(', {{ pattern }}, ')$')))
{%- endmacro %}

{% macro spark__matches(value, pattern) -%}
    (coalesce({{ pattern }}, '') = '' or {{ value }} rlike concat('^(', {{ pattern }}, ')$'))
{%- endmacro %}


{# A campaign name, without the placeholders analytics tools write where there is none. #}
{% macro campaign_of(utm_campaign) -%}
    case
        when lower(trim({{ utm_campaign }})) in ('', '(not set)', '(none)', '(direct)', '(organic)', '(referral)') then null
        else trim({{ utm_campaign }})
    end
{%- endmacro %}
