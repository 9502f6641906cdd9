{# Models that cost what a day brought and hold what a full rebuild holds (docs/incremental.md).

   A model of materialization `keyed` derives anew only the rows in its scope: those of the keys in `affected`, which it
   selects from what its inputs changed. What really differs from the table is replaced, by `key`, and noted in the log
   of its changes, schema `increments`, for the models that read it. The logs are emptied only when a whole build has
   succeeded: a build that was killed half way is repaired by the next one, and building anything twice changes nothing.

   Config: `key`, columns by which rows are replaced; `affected`, a select of scope columns (none: the whole model is
   derived anew and compared); `scope`, the scope's columns (default: the key), or with `scope_of_rows` a condition
   between `existing` and `affected`; `logged`, columns noted in the log (default: the key); `unlogged`, columns whose
   change alone is none to the readers (when a row was loaded); `unlogged_inputs`, inputs whose changes `affected` finds
   in another way than by their log, or that do not change while the project is the same; `bounds`, named selects over
   `affected` whose one value macro `bound` stands for: a constant, by which whole blocks of old days are passed over. #}

{# Is this build incremental? The orchestration says so when all that is not in the logs is as it was. #}
{% macro is_partial() -%}
    {{ return(var('incremental', false) and not flags.FULL_REFRESH and model.resource_type != 'unit_test') }}
{%- endmacro %}


{# Rows of a model that were removed, added or changed since the last whole build: old and new, in its `logged` columns. #}
{% macro changes(name) -%}
    increments.{{ name }}
{%- endmacro %}


{# Condition for an input: only rows of an affected key. Always true in a full build. #}
{% macro affected_only(column, key=none) -%}
    {%- if is_partial() -%}
    {{ column }} in (select {{ key or column.split('.')[-1] }} from affected__{{ model.name }})
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}


{# The same for several columns. #}
{% macro affected_rows(alias, columns) -%}
    {%- if is_partial() -%}
    exists (
        select 1 from affected__{{ model.name }} as affected
        where {{ same_columns('affected', alias, columns) }}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}


{# The value of one of the model's `bounds`, for a condition that is exact anyway. Only in an incremental build. #}
{% macro bound(name) -%}
    {{ return(adapter.dispatch('bound')(name)) }}
{%- endmacro %}

{% macro default__bound(name) -%}
    (select bound from bound__{{ model.name }}__{{ name }})
{%- endmacro %}

{% macro duckdb__bound(name) -%}
    getvariable('{{ model.name }}__{{ name }}')
{%- endmacro %}

{# Condition for an input: not before a bound. Always true in a full build. #}
{% macro not_before(column, name) -%}
    {{ column ~ ' >= ' ~ bound(name) if is_partial() else 'true' }}
{%- endmacro %}

{% macro set_bound(name, select) -%}
    {{ return(adapter.dispatch('set_bound')(name, select)) }}
{%- endmacro %}

{% macro default__set_bound(name, select) -%}
    create or replace temp table bound__{{ model.name }}__{{ name }} as select ({{ select }}) as bound
{%- endmacro %}

{% macro duckdb__set_bound(name, select) -%}
    set variable {{ model.name }}__{{ name }} = ({{ select }})
{%- endmacro %}


{# The local day before a number of microseconds since 1970: no zone is further from UTC than that. #}
{% macro day_before(micros) -%}
    {{ add_days("cast('1970-01-01' as date)", 'cast(floor(' ~ micros ~ ' / 86400000000) as integer) - 1') }}
{%- endmacro %}


{# A model as `affected` reads it: a config is rendered before dbt knows what `ref` stands for. #}
{% macro stored(name) -%}
    {{ 'staging' if name.startswith('stg_') else 'intermediate' }}.{{ name }}
{%- endmacro %}


{# Deliveries whose content changed since the last whole build. #}
{% macro changed_deliveries(entity) -%}
    (select feed, delivery_date from increments.deliveries where entity = '{{ entity }}')
{%- endmacro %}


{# Keys of an entity with a row in a changed delivery: one that is there now, or one that led to a row of `model`. #}
{% macro delivered_keys(entity, model, key) -%}
    select {{ key | join(', ') }}
    from {{ model }}
    where (feed, delivery_date) in {{ changed_deliveries(entity) }}
    union all
    select {{ key | join(', ') }}
    from raw.{{ entity }}
    where (_source, _delivery_date) in {{ changed_deliveries(entity) }}
{%- endmacro %}


{% materialization keyed, default %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if is_partial() -%}
        {%- if existing is none or existing.is_view -%}
            {{ exceptions.raise_compiler_error(model.name ~ ' was never built: rebuild the warehouse (make rebuild)') }}
        {%- endif -%}
        {% call statement('main') -%}
            {{ keyed_replace_changed(target, compiled_code) }}
            {{ keyed_note_build() }}
        {%- endcall %}
    {%- else -%}
        {%- if existing is not none -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
        {% call statement('main') -%}
            {{ create_table_as(False, target, compiled_code) }};
            create or replace table {{ changes(model.name) }} as
            select {{ config.get('logged', config.require('key')) | join(', ') }} from {{ target }} where false;
            {{ keyed_note_build() }}
        {%- endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# Rows and log change in one transaction: together or not at all. #}
{% macro keyed_replace_changed(target, sql) -%}
    {%- set key = config.require('key') -%}
    {%- set affected, fresh, changed = 'affected__' ~ model.name, 'fresh__' ~ model.name, 'changed__' ~ model.name -%}
    {%- set keys = '(select distinct ' ~ key | join(', ') ~ ' from ' ~ changed ~ ') as keys' -%}
    {%- if config.get('affected') %}
    create or replace temp table {{ affected }} as
    select distinct * from ({{ config.get('affected') }}) where {{ config.get('scope', key)[0] }} is not null;
    {%- endif %}
    {%- for name, select in config.get('bounds', {}).items() %}
    {{ set_bound(name, select) }};
    {%- endfor %}
    create or replace temp table {{ fresh }} as {{ sql }};
    create or replace temp table {{ changed }} as
    -- Rows that are in both cancel out, whatever their number: exact, and cheaper than `except all`.
    select
        sum(_sign) as _balance,
        * exclude (_sign)
    from (
        select -1 as _sign, existing.*
        from {{ target }} as existing
        {%- if config.get('affected') %}
        semi join {{ affected }} as affected
            on {{ config.get('scope_of_rows') or same_columns('existing', 'affected', config.get('scope', key)) }}
        {%- endif %}
        union all
        select 1 as _sign, *
        from {{ fresh }}
    )
    group by all
    having sum(_sign) <> 0;
    delete from {{ target }} as stored using {{ keys }} where {{ same_columns('stored', 'keys', key) }};
    insert into {{ target }}
    select stored.* from {{ fresh }} as stored semi join {{ keys }} on {{ same_columns('stored', 'keys', key) }};
    insert into {{ changes(model.name) }}
    select distinct {{ config.get('logged', key) | join(', ') }}
    {%- if config.get('unlogged') %}
    {#- What left and what came with nothing but these columns changed cancels out. #}
    from (
        select * exclude (_balance, {{ config.get('unlogged') | join(', ') }})
        from {{ changed }}
        group by all
        having sum(_balance) <> 0
    );
    {%- else %}
    from {{ changed }};
    {%- endif %}
    drop table {{ fresh }};
    drop table {{ changed }};
    drop table if exists {{ affected }};
{%- endmacro %}


{% macro same_columns(left, right, columns) -%}
    {% for column in columns %}{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}


{% macro keyed_note_build() -%}
    insert into increments.builds
    values ('{{ model.name }}', '{{ var("build_id", "") }}', {{ is_partial() | string | lower }}, now());
{%- endmacro %}


{# Before anything: where the logs are kept. #}
{% macro create_increments() %}
    create schema if not exists increments;
    create table if not exists increments.deliveries (entity varchar, feed varchar, delivery_date date);
    create table if not exists increments.builds (model varchar, build_id varchar, is_partial boolean, built_at timestamptz);
{% endmacro %}
