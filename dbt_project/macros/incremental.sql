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
   `affected` whose one value macro `bound` stands for: a constant, by which whole blocks of old days are passed over;
   `batches`, a select of named values, one row per part in which a full build fills the table (macro `in_batch`),
   so that rows of one time lie together and old blocks can be passed over at all; `cluster_by`, a date by which a full
   build orders the table, to the same end; `signed`, whether the log holds all columns and how often a row came (+) or
   went (-), for models of materialization `summed`.

   A model of materialization `summed` holds sums of integers over its one input: `dimensions`, columns without NULL;
   `measures`, the sums, the first of which is 0 where no row is left. It reads `signed_rows('input')`, and a day adds and
   subtracts the rows that came and went: no other row is looked at. #}

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


{# A condition on a wide input few rows of which meet it: their places are found first, in the columns of the condition
   alone, and no other row is unpacked. Always true in a full build. #}
{% macro affected_rows_of(relation, condition) -%}
    {{ return(adapter.dispatch('affected_rows_of')(relation, condition)) }}
{%- endmacro %}

{% macro default__affected_rows_of(relation, condition) -%}
    {{ condition if is_partial() else 'true' }}
{%- endmacro %}

{% macro duckdb__affected_rows_of(relation, condition) -%}
    {{ 'rowid in (select rowid from ' ~ relation ~ ' where ' ~ condition ~ ')' if is_partial() else 'true' }}
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


{# The day in UTC of a number of microseconds since 1970. #}
{% macro utc_day(micros) -%}
    {{ add_days("cast('1970-01-01' as date)", 'cast(floor(' ~ micros ~ ' / 86400000000) as integer)') }}
{%- endmacro %}


{# A model as `affected` reads it: a config is rendered before dbt knows what `ref` stands for. #}
{% macro stored(name) -%}
    {{ {'stg': 'staging', 'int': 'intermediate'}.get(name.split('_')[0], 'seeds') }}.{{ name }}
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
            {{ build_whole(target, compiled_code) }}
            create or replace table {{ changes(model.name) }} as
            select {{ logged_columns() }} from {{ target }} where false;
            {{ keyed_note_build() }}
        {%- endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# What the log of a keyed model holds. #}
{% macro logged_columns() -%}
    {%- if config.get('signed') -%}
    cast(0 as bigint) as _change, cast(0 as bigint) as _balance, *
    {%- else -%}
    {{ config.get('logged', config.require('key')) | join(', ') }}
    {%- endif -%}
{%- endmacro %}


{# Rows and log change in one transaction: together or not at all. #}
{% macro keyed_replace_changed(target, sql) -%}
    {%- set key = config.require('key') -%}
    {%- set affected, fresh, changed = 'affected__' ~ model.name, 'fresh__' ~ model.name, 'changed__' ~ model.name -%}
    {%- set before = 'before__' ~ model.name -%}
    {%- set keys = '(select distinct ' ~ key | join(', ') ~ ' from ' ~ changed ~ ') as keys' -%}
    {%- if config.get('affected') %}
    create or replace temp table {{ affected }} as
    select distinct * from ({{ config.get('affected') }}) where {{ config.get('scope', key)[0] }} is not null;
    {%- endif %}
    {%- for name, select in config.get('bounds', {}).items() %}
    {{ set_bound(name, select) }};
    {%- endfor %}
    create or replace temp table {{ fresh }} as {{ sql }};
    create or replace temp table {{ before }} as
    {%- if config.get('affected') %}
    {{ stored_rows(
        target, affected ~ ' as affected',
        config.get('scope_of_rows') or same_columns('existing', 'affected', config.get('scope', key))
    ) }};
    {%- else %}
    select {{ row_address() }} as _row, existing.* from {{ target }} as existing;
    {%- endif %}
    create or replace temp table {{ changed }} as
    -- Rows that are in both cancel out, whatever their number: exact, and cheaper than `except all`.
    select
        sum(_sign) as _balance,
        * exclude (_sign)
    from (
        select -1 as _sign, * exclude (_row) from {{ before }}
        union all
        select 1 as _sign, *
        from {{ fresh }}
    )
    group by all
    having sum(_sign) <> 0;
    {{ delete_rows(target, before, key, keys) }};
    insert into {{ target }}
    select stored.* from {{ fresh }} as stored semi join {{ keys }} on {{ same_columns('stored', 'keys', key) }};
    insert into {{ changes(model.name) }}
    {%- if config.get('signed') %}
    select (select coalesce(max(_change), 0) + 1 from {{ changes(model.name) }}), *
    from {{ changed }};
    {%- else %}
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
    {%- endif %}
    drop table {{ fresh }};
    drop table {{ before }};
    drop table {{ changed }};
    drop table if exists {{ affected }};
{%- endmacro %}


{# Where a row lies, for engines that know: found once, it need not be searched for again by its key. #}
{% macro row_address() -%}
    {{ return(adapter.dispatch('row_address')()) }}
{%- endmacro %}

{% macro default__row_address() -%}
    cast(null as bigint)
{%- endmacro %}

{% macro duckdb__row_address() -%}
    existing.rowid
{%- endmacro %}

{# Rows of the table that have a partner, with their place. #}
{% macro stored_rows(target, partners, condition) -%}
    {{ return(adapter.dispatch('stored_rows')(target, partners, condition)) }}
{%- endmacro %}

{% macro default__stored_rows(target, partners, condition) -%}
    select {{ row_address() }} as _row, existing.* from {{ target }} as existing semi join {{ partners }} on {{ condition }}
{%- endmacro %}

{# Their places are found in the columns of the condition alone. What a day changes was mostly written lately, so the
   other columns are read at the end of the table only: by one join all columns of all rows would be unpacked. #}
{% macro duckdb__stored_rows(target, partners, condition) -%}
    select {{ row_address() }} as _row, existing.*
    from {{ target }} as existing
    where {{ row_address() }} in (
        select {{ row_address() }} from {{ target }} as existing semi join {{ partners }} on {{ condition }}
    )
{%- endmacro %}

{% macro delete_rows(target, before, key, keys) -%}
    {{ return(adapter.dispatch('delete_rows')(target, before, key, keys)) }}
{%- endmacro %}

{% macro default__delete_rows(target, before, key, keys) -%}
    delete from {{ target }} as stored using {{ keys }} where {{ same_columns('stored', 'keys', key) }}
{%- endmacro %}

{% macro duckdb__delete_rows(target, before, key, keys) -%}
    delete from {{ target }}
    where rowid in (
        select stored._row from {{ before }} as stored semi join {{ keys }} on {{ same_columns('stored', 'keys', key) }}
    )
{%- endmacro %}


{# The whole table, in parts where the model names them. #}
{% macro build_whole(target, sql) -%}
    {{ return(adapter.dispatch('build_whole')(target, sql)) }}
{%- endmacro %}

{% macro default__build_whole(target, sql) -%}
    {{ create_table_as(False, target, sql) }};
{%- endmacro %}

{% macro duckdb__build_whole(target, sql) -%}
    {%- set batches = run_query(config.get('batches')) if config.get('batches') else none -%}
    {%- set order, unordered = config.get('cluster_by'), 'unordered__' ~ model.name -%}
    {%- if order %}
    -- Apart, so that what the model needs and what the sort needs are not in memory together.
    create or replace temp table {{ unordered }} as {{ sql }};
    {{ create_table_as(False, target, 'select * from ' ~ unordered ~ ' order by ' ~ order) }};
    drop table {{ unordered }};
    {%- elif batches is none or batches.rows | length < 2 %}
    {%- for name in (batches.column_names if batches is not none else []) %}
    set variable {{ model.name }}__{{ name }} = {{ batch_value(batches.rows[0][name] if batches.rows else none) }};
    {%- endfor %}
    {{ create_table_as(False, target, sql) }};
    {%- else %}
    {%- for row in batches.rows %}
    {%- for name in batches.column_names %}
    set variable {{ model.name }}__{{ name }} = {{ batch_value(row[name]) }};
    {%- endfor %}
    {%- if loop.first %}
    {{ create_table_as(False, target, sql) }};
    {%- else %}
    insert into {{ target }} {{ sql }};
    {%- endif %}
    {%- endfor %}
    {%- endif %}
{%- endmacro %}

{% macro batch_value(value) -%}
    {{ 'cast(null as date)' if value is none else "date '" ~ value.strftime('%Y-%m-%d') ~ "'" }}
{%- endmacro %}

{# Condition for an input: between two days of the model's `batches`. Only in a full build; always true elsewhere. #}
{% macro in_batch(column, first, last) -%}
    {{ return(adapter.dispatch('in_batch')(column, first, last)) }}
{%- endmacro %}

{% macro default__in_batch(column, first, last) -%}
    true
{%- endmacro %}

{% macro duckdb__in_batch(column, first, last) -%}
    {%- if is_partial() or model.resource_type == 'unit_test' -%}
    true
    {%- else -%}
    {#- Not set: the SQL runs by itself, over everything. #}
    (
        getvariable('{{ model.name }}__{{ first }}') is null
        or {{ column }} between getvariable('{{ model.name }}__{{ first }}')
        and getvariable('{{ model.name }}__{{ last }}')
    )
    {%- endif -%}
{%- endmacro %}


{% materialization summed, default %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set mark = changes(model.name) -%}
    {%- set source_log = changes(config.require('counted')) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- if is_partial() -%}
        {% call statement('main') -%}
            {{ summed_add_changes(target, compiled_code) }}
            insert into {{ mark }} select coalesce(max(_change), 0) from {{ source_log }};
            {{ keyed_note_build() }}
        {%- endcall %}
    {%- else -%}
        {%- if existing is not none -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
        {% call statement('main') -%}
            {{ create_table_as(False, target, compiled_code) }};
            create or replace table {{ mark }} as select coalesce(max(_change), 0) as _change from {{ source_log }};
            {{ keyed_note_build() }}
        {%- endcall %}
    {%- endif -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do persist_docs(target, model) %}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}


{# Rows of the input of a summed model: all of them, or those that came (+1) and went (-1) since it last looked. #}
{% macro signed_rows(name) -%}
    {%- set input = ref(name) -%}
    {%- if is_partial() -%}
    (
        select * from {{ changes(name) }}
        where _change > (select coalesce(max(_change), 0) from {{ changes(model.name) }})
    )
    {%- else -%}
    (select cast(1 as bigint) as _balance, * from {{ input }})
    {%- endif -%}
{%- endmacro %}


{% macro summed_add_changes(target, sql) -%}
    {%- set dimensions, measures = config.require('dimensions'), config.require('measures') -%}
    {%- set fresh, before = 'fresh__' ~ model.name, 'before__' ~ model.name -%}
    create or replace temp table {{ fresh }} as
    select * from ({{ sql }}) where {% for measure in measures %}{{ measure }} <> 0{{ ' or ' if not loop.last }}{% endfor %};
    create or replace temp table {{ before }} as
    {{ stored_rows(target, fresh ~ ' as fresh', same_columns('existing', 'fresh', dimensions)) }};
    {{ delete_rows(target, before, dimensions, fresh ~ ' as keys') }};
    insert into {{ target }} by name
    select
        {{ dimensions | join(', ') }},
        {%- for measure in measures %}
        cast(sum({{ measure }}) as bigint) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (select * exclude (_row) from {{ before }} union all by name select * from {{ fresh }})
    group by {{ dimensions | join(', ') }}
    having sum({{ measures[0] }}) <> 0;
    drop table {{ fresh }};
    drop table {{ before }};
{%- endmacro %}


{% macro same_columns(left, right, columns) -%}
    {% for column in columns %}{{ left }}.{{ column }} = {{ right }}.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
{%- endmacro %}


{# What a generic test looks at, by dbt's own name for it. In an incremental build a rule about single rows, or about
   rows of one grain, is asked of what changed since the last whole build; a rebuild and every seventh day's run
   (variable `test_all_rows`) ask it of all rows. #}
{% macro get_where_subquery(relation) -%}
    {%- set conditions = [config.get('where')] if config.get('where') else [] -%}
    {%- set column = logged_column_of(relation.identifier)
        if execute and is_partial() and not var('test_all_rows', false) else none -%}
    {%- if column -%}
        {%- do conditions.append(
            '(' ~ column ~ ' in (select ' ~ column ~ ' from ' ~ changes(relation.identifier) ~ ') or ' ~ column
            ~ ' is null)'
        ) -%}
    {%- endif -%}
    {%- if conditions -%}
        {%- do return('(select * from ' ~ relation ~ ' where ' ~ conditions | join(' and ') ~ ') as tested_rows') -%}
    {%- endif -%}
    {%- do return(relation) -%}
{%- endmacro %}

{# Column by which the changed rows of a tested model are found; none where the rule needs all rows. #}
{% macro logged_column_of(name) -%}
    {%- set rule = model.test_metadata.name if model.test_metadata else none -%}
    {%- if rule not in [
        'unique', 'unique_grain', 'not_null', 'accepted_values', 'in_range', 'row_holds', 'money_is_converted'
    ] -%}
        {%- do return(none) -%}
    {%- endif -%}
    {%- set logged = run_query(
        "select column_name from information_schema.columns where table_schema = 'increments' and table_name = '"
        ~ name ~ "' and column_name not in ('_change', '_balance') order by ordinal_position"
    ).columns[0].values() | list -%}
    {#- Two rows of one grain are both found only by what they share. #}
    {%- if rule in ['unique', 'unique_grain'] -%}
        {%- set grain = model.test_metadata.kwargs.get('columns') or [model.test_metadata.kwargs.get('column_name')] -%}
        {%- set logged = logged | select('in', grain) | list -%}
    {%- endif -%}
    {%- do return(logged | first if logged else none) -%}
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
